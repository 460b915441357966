"""Picture files to pixels: the one way in. NumPy and Pillow, no PyTorch."""
