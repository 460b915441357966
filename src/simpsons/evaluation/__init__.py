"""From probabilities and labels to figures, pictures and a report."""
