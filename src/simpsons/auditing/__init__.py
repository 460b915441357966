"""What is wrong with a data set: near-duplicates, leaks, wrong labels, odd pictures."""
