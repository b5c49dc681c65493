"""What server and clients say to each other, how it is coded, and what each side remembers of the other."""
