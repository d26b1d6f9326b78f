"""Headers of the native exports that the simulated shop writes, in their true order."""

from __future__ import annotations

SHOPIFY_ORDERS: tuple[str, ...] = (
    "Name", "Email", "Financial Status", "Paid at", "Fulfillment Status", "Fulfilled at",
    "Accepts Marketing", "Currency", "Subtotal", "Shipping", "Taxes", "Total", "Discount Code",
    "Discount Amount", "Shipping Method", "Created at", "Lineitem quantity", "Lineitem name",
    "Lineitem price", "Lineitem compare at price", "Lineitem sku", "Lineitem requires shipping",
    "Lineitem taxable", "Lineitem fulfillment status", "Billing Name", "Billing Street",
    "Billing Address1", "Billing Address2", "Billing Company", "Billing City", "Billing Zip",
    "Billing Province", "Billing Country", "Billing Phone", "Shipping Name", "Shipping Street",
    "Shipping Address1", "Shipping Address2", "Shipping Company", "Shipping City", "Shipping Zip",
    "Shipping Province", "Shipping Country", "Shipping Phone", "Notes", "Note Attributes",
    "Cancelled at", "Payment Method", "Payment Reference", "Refunded Amount", "Vendor",
    "Outstanding Balance", "Employee", "Location", "Device ID", "Id", "Tags", "Risk Level",
    "Source", "Lineitem discount", "Tax 1 Name", "Tax 1 Value", "Tax 2 Name", "Tax 2 Value",
    "Tax 3 Name", "Tax 3 Value", "Tax 4 Name", "Tax 4 Value", "Tax 5 Name", "Tax 5 Value", "Phone",
    "Receipt Number", "Duties", "Billing Province Name", "Shipping Province Name", "Payment ID",
    "Payment Terms Name", "Next Payment Due At", "Payment References",
)  # fmt: skip
"""Orders: one row per line; rows after an order's first keep ``Name`` and ``Created at`` only."""

SHOPIFY_CUSTOMERS: tuple[str, ...] = (
    "Customer ID", "First Name", "Last Name", "Email", "Accepts Email Marketing",
    "Default Address Company", "Default Address Address1", "Default Address Address2",
    "Default Address City", "Default Address Province Code", "Default Address Country Code",
    "Default Address Zip", "Default Address Phone", "Phone", "Accepts SMS Marketing",
    "Total Spent", "Total Orders", "Note", "Tax Exempt", "Tags",
)  # fmt: skip

ETSY_ITEMS: tuple[str, ...] = (
    "Sale Date", "Item Name", "Buyer", "Quantity", "Price", "Coupon Code", "Coupon Details",
    "Discount Amount", "Shipping Discount", "Order Shipping", "Order Sales Tax", "Item Total",
    "Currency", "Transaction ID", "Listing ID", "Date Paid", "Date Shipped", "Ship Name",
    "Ship Address1", "Ship Address2", "Ship City", "Ship State", "Ship Zipcode", "Ship Country",
    "Order ID", "Variations", "Order Type", "Listings Type", "Payment Type", "InPerson Discount",
    "InPerson Location", "VAT Paid by Buyer", "SKU",
)  # fmt: skip
"""Etsy order items; ``Sale Date`` is MM/DD/YY, ``Date Paid`` and ``Date Shipped`` MM/DD/YYYY."""

ETSY_ORDERS: tuple[str, ...] = (
    "Sale Date", "Order ID", "Buyer User ID", "Full Name", "First Name", "Last Name",
    "Number of Items", "Payment Method", "Date Shipped", "Street 1", "Street 2", "Ship City",
    "Ship State", "Ship Zipcode", "Ship Country", "Currency", "Order Value", "Coupon Code",
    "Coupon Details", "Discount Amount", "Shipping Discount", "Shipping", "Sales Tax",
    "Order Total", "Status", "Card Processing Fees", "Order Net", "Adjusted Order Total",
    "Adjusted Card Processing Fees", "Adjusted Net Order Amount", "Buyer", "Order Type",
    "Payment Type", "InPerson Discount", "InPerson Location", "SKU",
)  # fmt: skip

KLAVIYO_EVENTS: tuple[str, ...] = (
    "Event ID", "Timestamp", "Event", "Email", "Klaviyo ID", "Campaign Name", "Message Name",
    "Subject", "Client", "Machine Open",
)  # fmt: skip
"""Events: Received Email, Opened Email, Clicked Email, Unsubscribed from Email Marketing,
Bounced Email, Marked Email as Spam."""

KLAVIYO_PROFILES: tuple[str, ...] = (
    "Email", "Klaviyo ID", "First Name", "Last Name", "Phone Number", "Address", "Address 2",
    "City", "State / Region", "Country", "Zip Code", "Email Marketing Consent",
    "SMS Marketing Consent", "Profile Created On", "Date Added", "Source",
)  # fmt: skip

WEB_EVENTS: tuple[str, ...] = (
    "messageId", "timestamp", "event", "anonymousId", "userId", "sessionId", "productId",
    "orderId", "value", "currency", "pagePath",
)  # fmt: skip
"""Track events (Segment's names): Product Viewed, Product Added, Checkout Started,
Order Completed, Exit Intent Shown; ``userId`` is the e-mail where the visitor was known."""

SURVEY_ANSWERS: tuple[str, ...] = (
    "Response ID", "Submitted At", "Survey", "Email", "Score", "Reason", "Comment", "Order Name",
)  # fmt: skip
"""Surveys: nps, post_purchase, exit_intent, preference_centre."""

TICKETS: tuple[str, ...] = (
    "Id", "Status", "Subject", "Requester", "Requester email", "Created at", "First reply at",
    "Solved at", "Group", "Reason", "Satisfaction Score", "Order Name", "Tags",
)  # fmt: skip

CONSENTS: tuple[str, ...] = ("email", "purpose", "state", "changed_at", "basis", "source")

ASSIGNMENTS: tuple[str, ...] = (
    "experiment", "email", "arm", "assigned_at", "probability", "stratum", "exposed_at",
)  # fmt: skip

COSTS: tuple[str, ...] = (
    "cost_id", "incurred_at", "kind", "scope_type", "scope_key", "currency", "amount", "note",
)  # fmt: skip

WOOCOMMERCE_ORDERS: tuple[str, ...] = (
    "Order Number", "Order Status", "Order Date", "Order Currency", "Email (Billing)",
    "Phone (Billing)", "First Name (Billing)", "Last Name (Billing)", "Postcode (Billing)",
    "Country Code (Billing)", "Customer User ID", "Cart Discount Amount", "Order Shipping Amount",
    "Order Total Tax Amount", "Order Refund Amount", "Order Total Amount", "SKU", "Item #",
    "Item Name", "Quantity", "Item Cost",
)  # fmt: skip
"""WooCommerce orders by the plugin Advanced Order Export, one row per item; times in UTC."""

LEGACY_SCORES: tuple[str, ...] = ("Score ID", "Email", "Score", "Scored At")
"""Churn scores of the customer system that the shop had before."""

LINKS: tuple[str, ...] = ("identity", "same_as", "state", "declared_at", "declared_by")
"""Accounts that the shop knows to be one person's."""
