"""The application that gunicorn loads for the metrics: settings from the environment, every part opened."""

from validator.operations.monitoring.exposition import application
from validator.services import open_services
from validator.settings.loading import load

app = application(open_services(load()))
