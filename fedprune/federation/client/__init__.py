"""The half of a round that runs where the client is: ``round.py`` reads from the order to the reply."""
