"""The settings of the Django project."""

from __future__ import annotations

ALLOWED_HOSTS = ["*"]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
ROOT_URLCONF = "with_django"
SECRET_KEY = "none"  # noqa: S105 - of a test
USE_TZ = True
