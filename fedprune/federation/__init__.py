"""The Flower side: what a message holds, the client's half of a round, the server's half, and the two apps."""
