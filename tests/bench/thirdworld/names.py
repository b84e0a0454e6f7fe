"""The names that people, streets, towns and mail providers have."""

from __future__ import annotations

# fmt: off
FIRST_NAMES = (
    "anna", "ben", "carla", "david", "emma", "felix", "greta", "hugo", "ines", "jonas", "katja", "lukas", "marie",
    "nils", "olga", "paul", "rosa", "simon", "tina", "uwe", "vera", "walter", "yara", "zoe", "adam", "beth",
    "colin", "daisy", "edward", "fiona", "george", "hannah", "ian", "julia", "kevin", "laura", "martin", "nina",
    "oscar", "petra", "quentin", "rachel", "sam", "theo", "ursula", "victor", "wendy", "xavier", "pierre",
    "camille", "luc", "chloe", "mateo", "lucia", "pablo", "sofia", "piotr", "ewa", "jakub", "agata",
)
LAST_NAMES = (
    "schmidt", "meyer", "wagner", "becker", "hoffmann", "koch", "richter", "klein", "wolf", "neumann", "braun",
    "zimmermann", "hartmann", "krause", "lehmann", "smith", "jones", "taylor", "brown", "wilson", "evans",
    "thomas", "roberts", "walker", "wright", "hughes", "green", "hall", "clarke", "dubois", "moreau", "laurent",
    "simon", "michel", "lefevre", "leroy", "roux", "garcia", "lopez", "martinez", "sanchez", "perez", "gomez",
    "ruiz", "diaz", "moreno", "kowalski", "nowak", "wisniewski", "wojcik", "kaminski", "lewandowski", "zielinski",
    "mazur", "krawczyk", "rossi", "bianchi", "jansen", "devries", "bakker", "visser", "yilmaz", "kaya", "demir",
    "nguyen", "tran", "singh", "patel", "khan", "ali", "hassan",
)
# fmt: on
COUNTRIES = ("de", "gb", "fr", "es", "pl")
STREETS = {
    "de": ("Hauptstr.", "Bahnhofstr.", "Gartenweg", "Lindenallee", "Schulstr.", "Am Markt", "Ringstr.", "Bergweg"),
    "gb": ("High Street", "Station Road", "Church Lane", "Mill Road", "Park Avenue", "Victoria Road"),
    "fr": ("rue de la Paix", "avenue Jean Jaurès", "rue Pasteur", "place du Marché", "rue des Écoles"),
    "es": ("Calle Mayor", "Calle Real", "Avenida de la Constitución", "Calle del Sol"),
    "pl": ("ul. Polna", "ul. Leśna", "ul. Ogrodowa", "ul. Szkolna"),
}
NUMBER_BEFORE_STREET = ("gb", "fr")
CITIES = [
    (country, city)
    for country, cities in {
        "de": "Hamburg Berlin München Köln Leipzig Bremen Kassel Ulm",
        "gb": "Leeds Bristol London Cardiff York Derby",
        "fr": "Lyon Nantes Lille Rennes Paris Dijon",
        "es": "Sevilla Madrid Bilbao Murcia",
        "pl": "Gdańsk Łódź Poznań Lublin",
    }.items()
    for city in cities.split()
]
"""Country and name of each town."""

PROVIDERS = {
    "gmail.com": 0.42,
    "outlook.com": 0.1,
    "hotmail.com": 0.09,
    "icloud.com": 0.08,
    "yahoo.com": 0.1,
    "gmx.de": 0.07,
    "web.de": 0.04,
    "proton.me": 0.02,
    "orange.fr": 0.03,
    "mail.com": 0.02,
    "wp.pl": 0.03,
}
"""Mail provider → its share of the mailboxes."""

RINGS_PROVIDERS = ("gmail.com", "outlook.com", "hotmail.com", "yahoo.com", "mail.com", "proton.me")
TRADES = ("handel", "shop", "trading", "store", "parts", "vintage")
TRADE_ENDINGS = ("com", "de", "eu")
