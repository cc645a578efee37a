"""Line displays of two lines with twenty characters."""
