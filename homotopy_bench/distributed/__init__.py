"""Train in several processes: start them, join them, ask them, and add up what they compute."""
