"""Training a face detector: canvases, targets, loss and export."""
