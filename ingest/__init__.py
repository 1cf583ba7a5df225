"""Takes events in durably and reports them to the API."""
