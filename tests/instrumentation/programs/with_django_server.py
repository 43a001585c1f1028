"""What servers are given of the Django project; it names the settings as late as ``startproject`` has it."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "with_django_settings")
wsgi = get_wsgi_application()
asgi = get_asgi_application()
