"""The cities that the text names, and how Mannheim is bound to them."""

from dataclasses import dataclass

from austausch.exchange.v1.exchange_pb2 import City, Partnership
from google.type.dayofweek_pb2 import FRIDAY, MONDAY, SUNDAY, THURSDAY, TUESDAY, WEDNESDAY
from google.type.latlng_pb2 import LatLng

MONDAY_TO_FRIDAY = (MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY)
SUNDAY_TO_THURSDAY = (SUNDAY, MONDAY, TUESDAY, WEDNESDAY, THURSDAY)

PARTNERSHIP = Partnership.KIND_PARTNERSHIP
FRIENDSHIP = Partnership.KIND_FRIENDSHIP


@dataclass(frozen=True)
class DemoCity:
    """A city: where it lies, when and in which languages it works, and how Mannheim is bound to it."""

    id: str
    display_name: str
    local_name: str
    subdivision_code: str
    time_zone: str
    languages: tuple[str, ...]
    latitude: float
    longitude: float
    bond: int | None
    working_week: tuple[int, ...] = MONDAY_TO_FRIDAY
    holiday_calendar: str = ""

    @property
    def name(self) -> str:
        """The resource name."""
        return f"cities/{self.id}"

    def to_message(self) -> City:
        """Return the city as the exchange service takes it."""
        country = self.subdivision_code[:2]
        return City(
            display_name=self.display_name,
            local_name=self.local_name,
            country_code=country,
            subdivision_code=self.subdivision_code,
            time_zone=self.time_zone,
            working_week=self.working_week,
            languages=self.languages,
            location=LatLng(latitude=self.latitude, longitude=self.longitude),
            holiday_calendar=self.holiday_calendar or country,
        )


# The text calls Swansea and Hebron partner cities; of the other guests it says that they came from partner and
# friendship cities, without telling which is which.
CITIES = (
    DemoCity("mannheim", "Mannheim", "Mannheim", "DE-BW", "Europe/Berlin", ("de",), 49.4875, 8.4660, None,
             holiday_calendar="DE-BW"),
    DemoCity("swansea", "Swansea", "Abertawe", "GB-SWA", "Europe/London", ("en", "cy"), 51.6214, -3.9436, PARTNERSHIP,
             holiday_calendar="GB-WLS"),
    DemoCity("hebron", "Hebron", "الخليل", "PS-HBN", "Asia/Hebron", ("ar",), 31.5326, 35.0998, PARTNERSHIP,
             SUNDAY_TO_THURSDAY),
    DemoCity("bydgoszcz", "Bydgoszcz", "Bydgoszcz", "PL-04", "Europe/Warsaw", ("pl",), 53.1235, 18.0084, PARTNERSHIP),
    DemoCity("chernivtsi", "Chernivtsi", "Чернівці", "UA-77", "Europe/Kyiv", ("uk",), 48.2921, 25.9358, FRIENDSHIP),
    DemoCity("haifa", "Haifa", "חיפה", "IL-HA", "Asia/Jerusalem", ("he", "ar"), 32.7940, 34.9896, PARTNERSHIP,
             SUNDAY_TO_THURSDAY),
    DemoCity("kilis", "Kilis", "Kilis", "TR-79", "Europe/Istanbul", ("tr",), 36.7184, 37.1212, FRIENDSHIP),
    DemoCity("klaipeda", "Klaipeda", "Klaipėda", "LT-KL", "Europe/Vilnius", ("lt",), 55.7033, 21.1443, PARTNERSHIP),
    DemoCity("qingdao", "Qingdao", "青岛", "CN-SD", "Asia/Shanghai", ("zh",), 36.0671, 120.3826, FRIENDSHIP),
    DemoCity("windsor", "Windsor", "Windsor", "GB-WNM", "Europe/London", ("en",), 51.4839, -0.6044, PARTNERSHIP,
             holiday_calendar="GB-ENG"),
    DemoCity("zhenjiang", "Zhenjiang", "镇江", "CN-JS", "Asia/Shanghai", ("zh",), 32.1877, 119.4250, PARTNERSHIP),
)  # fmt: skip
