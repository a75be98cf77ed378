"""What may be recorded of prompts, answers, arguments and results, and in which shape."""
