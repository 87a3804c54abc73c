"""What a user sees of a crawl while it runs and when it has ended."""
