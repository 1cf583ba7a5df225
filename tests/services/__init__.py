"""Real servers for tests: each is started on a free local port in its own folder and stopped by its process id."""
