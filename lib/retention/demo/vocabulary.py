"""The words of the shop: invented people, places and handmade goods.

Mail domains are those reserved for examples and phone numbers those reserved for fiction, so that
no export can name a living person.
"""

from __future__ import annotations

FIRST_NAMES = (
    "Emma", "Olivia", "Ava", "Sophia", "Isabella", "Mia", "Charlotte", "Amelia", "Harper",
    "Evelyn", "Abigail", "Emily", "Ella", "Grace", "Chloe", "Camila", "Aria", "Scarlett",
    "Victoria", "Madison", "Luna", "Penelope", "Layla", "Riley", "Zoey", "Nora", "Lily",
    "Eleanor", "Hannah", "Lillian", "Addison", "Aubrey", "Ellie", "Stella", "Natalie", "Zoe",
    "Leah", "Hazel", "Violet", "Aurora", "Savannah", "Ruth", "Audrey", "Brooklyn", "Bella",
    "Claire", "Skylar", "Lucy", "Anna", "Caroline", "Liam", "Noah", "Oliver", "Elijah", "James",
    "William", "Benjamin", "Lucas", "Henry", "Alexander", "Mason", "Michael", "Ethan", "Daniel",
    "Jacob", "Logan", "Jackson", "Levi", "Sebastian", "Mateo", "Jack", "Owen", "Theodore",
    "Aiden", "Samuel", "Joseph", "John", "David", "Wyatt", "Matthew", "Luke", "Asher", "Carter",
    "Julian", "Zoë", "José", "Chloé", "André", "Søren", "Mei", "Priya", "Aiko", "Fatima",
    "Omar", "Ingrid", "Björn", "Anaïs", "Siobhán",
)  # fmt: skip
LAST_NAMES = (
    "Smith", "Johnson", "Williams", "Brown", "Jones", "Garcia", "Miller", "Davis", "Rodriguez",
    "Martinez", "Hernandez", "Lopez", "Gonzalez", "Wilson", "Anderson", "Thomas", "Taylor",
    "Moore", "Jackson", "Martin", "Lee", "Perez", "Thompson", "White", "Harris", "Sanchez",
    "Clark", "Ramirez", "Lewis", "Robinson", "Walker", "Young", "Allen", "King", "Wright",
    "Scott", "Torres", "Nguyen", "Hill", "Flores", "Green", "Adams", "Nelson", "Baker", "Hall",
    "Rivera", "Campbell", "Mitchell", "Carter", "Roberts", "Gomez", "Phillips", "Evans",
    "Turner", "Diaz", "Parker", "Cruz", "Edwards", "Collins", "Reyes", "Stewart", "Morris",
    "Morales", "Murphy", "Cook", "Rogers", "Gutierrez", "Ortiz", "Morgan", "Cooper", "Peterson",
    "Bailey", "Reed", "Kelly", "Howard", "Ramos", "Kim", "Cox", "Ward", "Richardson", "O'Brien",
    "O'Connor", "Müller", "Núñez", "Lindström", "D'Angelo", "Okafor", "Patel", "Tanaka", "Weiß",
    "Dubois", "Kowalski",
)  # fmt: skip
MAIL_DOMAINS = (
    "example.com", "example.org", "example.net", "mail.example.com", "post.example.org",
    "inbox.example.net",
)  # fmt: skip
STREETS = (
    "Maple", "Oak", "Cedar", "Pine", "Elm", "Walnut", "Chestnut", "Willow", "Birch", "Juniper",
    "Lake", "Hill", "Park", "River", "Spring", "Meadow", "Sunset", "Ridge", "Garden", "Mill",
    "Church", "Highland", "Prospect", "Franklin", "Jefferson", "Lincoln",
)  # fmt: skip
STREET_KINDS = ("St", "Ave", "Rd", "Ln", "Dr", "Ct")

PLACES: tuple[tuple[str, str, str, str, str, float], ...] = (
    ("Brooklyn", "NY", "New York", "US", "11201", 0.10),
    ("Portland", "OR", "Oregon", "US", "97201", 0.07),
    ("Austin", "TX", "Texas", "US", "78701", 0.08),
    ("Seattle", "WA", "Washington", "US", "98101", 0.07),
    ("Boston", "MA", "Massachusetts", "US", "02108", 0.06),
    ("Denver", "CO", "Colorado", "US", "80202", 0.06),
    ("Chicago", "IL", "Illinois", "US", "60601", 0.08),
    ("Nashville", "TN", "Tennessee", "US", "37201", 0.05),
    ("Newark", "NJ", "New Jersey", "US", "07102", 0.05),
    ("Los Angeles", "CA", "California", "US", "90012", 0.09),
    ("San Francisco", "CA", "California", "US", "94103", 0.07),
    ("Asheville", "NC", "North Carolina", "US", "28801", 0.05),
    ("Toronto", "ON", "Ontario", "CA", "M5V 2T6", 0.05),
    ("Vancouver", "BC", "British Columbia", "CA", "V5K 0A1", 0.02),
    ("London", "", "", "GB", "E1 6AN", 0.04),
    ("Berlin", "", "", "DE", "10115", 0.03),
    ("Melbourne", "VIC", "Victoria", "AU", "3000", 0.03),
)  # fmt: skip
"""City, province code, province, country, postcode, share of the shop's customers."""

CATEGORIES: tuple[tuple[str, str, int, int], ...] = (
    ("JEW", "Jewellery", 1_800, 22_000), ("CER", "Ceramics", 1_400, 16_000),
    ("TEX", "Textiles", 1_600, 18_000), ("WOO", "Woodwork", 1_200, 16_000),
    ("PAP", "Paper goods", 450, 3_800), ("CAN", "Candles and soap", 800, 4_800),
)  # fmt: skip
"""Stock-code prefix, name, lowest and highest price in cents."""

PIECES: dict[str, tuple[str, ...]] = {
    "JEW": (
        "Silver Studs",
        "Leaf Pendant",
        "Stacking Ring",
        "Birthstone Necklace",
        "Charm Bracelet",
    ),
    "CER": ("Espresso Cup", "Stoneware Mug", "Bud Vase", "Serving Bowl", "Dinner Set"),
    "TEX": ("Tea Towel", "Linen Napkins", "Wool Scarf", "Block Print Cushion", "Quilted Throw"),
    "WOO": ("Spoon", "Cutting Board", "Picture Frame", "Keepsake Box", "Wall Shelf"),
    "PAP": ("Thank You Card", "Gift Wrap", "Notebook", "Art Print", "Wedding Guest Book"),
    "CAN": ("Lavender Soap", "Soy Candle", "Bath Salts", "Beeswax Pillar", "Spa Gift Box"),
}
FINISHES = ("Classic", "Hand-Painted", "Limited", "Studio")
PRODUCTS_PER_CATEGORY = 20
MADE_TO_ORDER = frozenset({"JEW", "CER", "WOO"})
