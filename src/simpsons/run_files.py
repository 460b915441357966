"""What the files of a run folder are called."""

CONFIG = "config.json"
SPLIT = "split.csv"
MODEL = "model.onnx"
TENSORBOARD = "tensorboard"
