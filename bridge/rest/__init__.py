"""What every blueprint of the API shares: who asks, answering once, saying what is wrong."""
