"""Networks in files: to ONNX and back, int8 arithmetic, and from Keras. Writing needs PyTorch."""
