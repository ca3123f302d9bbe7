"""Where the status of a service is read from: its pages, its store, this process."""
