"""The status page that all integrations share: a list of SLOs and a page for each, without any framework."""
