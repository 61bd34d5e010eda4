"""The benchmark: detectors held against known truth and labelled recordings, side by side."""
