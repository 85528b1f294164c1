"""The shop's interface, and what only its dashboard can do otherwise: cancel an order."""

from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from oscar.core.loading import get_model


def cancel(_: HttpRequest, number: str) -> HttpResponse:
    """Move an order along Oscar's own pipeline of statuses."""
    get_model("order", "Order").objects.get(number=number).set_status("Cancelled")
    return HttpResponse(status=204)


urlpatterns = [path("api/", include("oscarapi.urls")), path("dashboard/cancel/<str:number>/", cancel)]
