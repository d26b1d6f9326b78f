"""One spelling per country: names as shops write them become ISO 3166-1 alpha-2 codes.

What is no country known here (``Channel Islands``, ``Unspecified``) stays as it was written.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

_NAMES = """
AD Andorra; AE United Arab Emirates, UAE; AF Afghanistan; AG Antigua and Barbuda; AI Anguilla;
AL Albania; AM Armenia; AO Angola; AQ Antarctica; AR Argentina; AS American Samoa; AT Austria,
Österreich; AU Australia; AW Aruba; AX Åland Islands, Aland Islands; AZ Azerbaijan;
BA Bosnia and Herzegovina, Bosnia; BB Barbados; BD Bangladesh; BE Belgium, Belgique, België;
BF Burkina Faso; BG Bulgaria; BH Bahrain; BI Burundi; BJ Benin; BL Saint Barthélemy; BM Bermuda;
BN Brunei, Brunei Darussalam; BO Bolivia; BQ Caribbean Netherlands; BR Brazil, Brasil; BS Bahamas,
The Bahamas; BT Bhutan; BV Bouvet Island; BW Botswana; BY Belarus; BZ Belize; CA Canada;
CC Cocos Islands; CD Democratic Republic of the Congo, Congo - Kinshasa; CF Central African
Republic; CG Congo, Republic of the Congo, Congo - Brazzaville; CH Switzerland, Schweiz, Suisse;
CI Côte d'Ivoire, Ivory Coast, Cote d'Ivoire; CK Cook Islands; CL Chile; CM Cameroon; CN China,
People's Republic of China; CO Colombia; CR Costa Rica; CU Cuba; CV Cape Verde, Cabo Verde;
CW Curaçao, Curacao; CX Christmas Island; CY Cyprus; CZ Czechia, Czech Republic, The Czech
Republic; DE Germany, Deutschland; DJ Djibouti; DK Denmark, Danmark; DM Dominica; DO Dominican
Republic; DZ Algeria; EC Ecuador; EE Estonia; EG Egypt; EH Western Sahara; ER Eritrea; ES Spain,
España; ET Ethiopia; FI Finland, Suomi; FJ Fiji; FK Falkland Islands; FM Micronesia; FO Faroe
Islands; FR France; GA Gabon; GB United Kingdom, UK, U.K., Great Britain, England, Scotland, Wales,
Northern Ireland; GD Grenada; GE Georgia; GF French Guiana; GG Guernsey; GH Ghana; GI Gibraltar;
GL Greenland; GM Gambia, The Gambia; GN Guinea; GP Guadeloupe; GQ Equatorial Guinea; GR Greece;
GS South Georgia and the South Sandwich Islands; GT Guatemala; GU Guam; GW Guinea-Bissau;
GY Guyana; HK Hong Kong, Hong Kong SAR; HM Heard and McDonald Islands; HN Honduras; HR Croatia;
HT Haiti; HU Hungary; ID Indonesia; IE Ireland, EIRE, Republic of Ireland; IL Israel; IM Isle of
Man; IN India; IO British Indian Ocean Territory; IQ Iraq; IR Iran; IS Iceland; IT Italy, Italia;
JE Jersey; JM Jamaica; JO Jordan; JP Japan; KE Kenya; KG Kyrgyzstan; KH Cambodia; KI Kiribati;
KM Comoros; KN Saint Kitts and Nevis; KP North Korea; KR South Korea, Korea, Republic of Korea;
KW Kuwait; KY Cayman Islands; KZ Kazakhstan; LA Laos; LB Lebanon; LC Saint Lucia;
LI Liechtenstein; LK Sri Lanka; LR Liberia; LS Lesotho; LT Lithuania; LU Luxembourg; LV Latvia;
LY Libya; MA Morocco; MC Monaco; MD Moldova; ME Montenegro; MF Saint Martin; MG Madagascar;
MH Marshall Islands; MK North Macedonia, Macedonia; ML Mali; MM Myanmar, Burma; MN Mongolia;
MO Macao, Macau; MP Northern Mariana Islands; MQ Martinique; MR Mauritania; MS Montserrat;
MT Malta; MU Mauritius; MV Maldives; MW Malawi; MX Mexico, México; MY Malaysia; MZ Mozambique;
NA Namibia; NC New Caledonia; NE Niger; NF Norfolk Island; NG Nigeria; NI Nicaragua;
NL Netherlands, The Netherlands, Holland, Nederland; NO Norway, Norge; NP Nepal; NR Nauru; NU Niue;
NZ New Zealand; OM Oman; PA Panama; PE Peru; PF French Polynesia; PG Papua New Guinea;
PH Philippines; PK Pakistan; PL Poland, Polska; PM Saint Pierre and Miquelon; PN Pitcairn;
PR Puerto Rico; PS Palestine; PT Portugal; PW Palau; PY Paraguay; QA Qatar; RE Réunion, Reunion;
RO Romania; RS Serbia; RU Russia, Russian Federation; RW Rwanda; SA Saudi Arabia; SB Solomon
Islands; SC Seychelles; SD Sudan; SE Sweden, Sverige; SG Singapore; SH Saint Helena; SI Slovenia;
SJ Svalbard and Jan Mayen; SK Slovakia; SL Sierra Leone; SM San Marino; SN Senegal; SO Somalia;
SR Suriname; SS South Sudan; ST São Tomé and Príncipe; SV El Salvador; SX Sint Maarten; SY Syria;
SZ Eswatini, Swaziland; TC Turks and Caicos Islands; TD Chad; TF French Southern Territories;
TG Togo; TH Thailand; TJ Tajikistan; TK Tokelau; TL Timor-Leste; TM Turkmenistan; TN Tunisia;
TO Tonga; TR Turkey, Türkiye; TT Trinidad and Tobago; TV Tuvalu; TW Taiwan; TZ Tanzania;
UA Ukraine; UG Uganda; UM United States Minor Outlying Islands; US United States, USA, U.S.A.,
U.S., United States of America; UY Uruguay; UZ Uzbekistan; VA Vatican City, Holy See; VC Saint
Vincent and the Grenadines; VE Venezuela; VG British Virgin Islands; VI US Virgin Islands;
VN Vietnam, Viet Nam; VU Vanuatu; WF Wallis and Futuna; WS Samoa; YE Yemen; YT Mayotte; ZA South
Africa, RSA; ZM Zambia; ZW Zimbabwe
"""


def country_codes() -> dict[str, str]:
    """Return the ISO 3166-1 alpha-2 code of each name, code and usual abbreviation, in lower case.

    Examples
    --------
    >>> codes = country_codes()
    >>> codes["usa"], codes["united states"], codes["us"], codes["eire"]
    ('US', 'US', 'US', 'IE')
    """
    found = {}
    for entry in " ".join(_NAMES.split()).split("; "):
        code, _, names = entry.partition(" ")
        for name in (code, *names.split(", ")):
            found[name.lower()] = code
    return found


def install_countries(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the temporary table ``country_codes(spelling, code)``."""
    codes = country_codes()
    table = pa.table({"spelling": list(codes), "code": list(codes.values())})
    connection.register("country_rows", table)
    connection.execute("CREATE OR REPLACE TABLE country_codes AS SELECT * FROM country_rows")
    connection.unregister("country_rows")
