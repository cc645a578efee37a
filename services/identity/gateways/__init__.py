"""What the rules need from outside themselves: slow hashing, cryptography, randomness."""
