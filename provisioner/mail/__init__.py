"""Real mail: the mail servers' configuration, first passwords, lists, use, and the proof of quotas."""
