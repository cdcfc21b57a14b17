"""The application that gunicorn loads for the metrics, with the settings of the master."""

from validator.operations.monitoring.exposition import application
from validator.services import open_services
from validator.settings.loading import of_worker

app = application(open_services(of_worker()))
