"""What costs no training: answers a network must beat on the same noisy images."""
