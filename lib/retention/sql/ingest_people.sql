-- One row per distinct raw identity: its normal forms and the key of each of its identities. It is
-- lasting: stretches of a large file look people up on connections of their own.
CREATE OR REPLACE TABLE people AS
WITH normal AS (
    SELECT
        raw_people.*,
        emails.normal AS email,
        phones.normal AS phone,
        nullif(trim(raw_people.identity_platform_id), '') AS platform_id,
        CASE
            WHEN
                nullif(trim(raw_people.identity_name), '') IS NOT NULL
                AND nullif(trim(raw_people.identity_postcode), '') IS NOT NULL
                THEN lower(trim(raw_people.identity_name)) || '|'
                    || lower(replace(raw_people.identity_postcode, ' ', ''))
        END AS name_postcode
    FROM raw_people
    LEFT JOIN emails ON raw_people.identity_email = emails.raw
    LEFT JOIN phones ON raw_people.identity_phone = phones.raw
),

keyed AS (
    SELECT
        *,
        CASE WHEN email IS NOT NULL THEN pseudonym('email', email) END AS email_key,
        CASE WHEN phone IS NOT NULL THEN pseudonym('phone', phone) END AS phone_key,
        CASE
            WHEN platform_id IS NULL THEN NULL
            WHEN $platform <> 'links' THEN pseudonym('platform:' || $platform, platform_id)
            -- A declared link names the platform itself: etsy:mira77.
            WHEN instr(platform_id, ':') > 1
                THEN pseudonym(
                    'platform:' || lower(trim(split_part(platform_id, ':', 1))),
                    trim(substr(platform_id, instr(platform_id, ':') + 1))
                )
        END AS platform_key,
        CASE
            WHEN name_postcode IS NOT NULL THEN pseudonym('name', name_postcode)
        END AS name_key
    FROM normal
)

SELECT
    *,
    coalesce(email_key, phone_key, platform_key, name_key) AS person_key,
    CASE
        WHEN email_key IS NOT NULL THEN 'email'
        WHEN phone_key IS NOT NULL THEN 'phone'
        WHEN platform_key IS NOT NULL THEN 'platform_id'
        WHEN name_key IS NOT NULL THEN 'name_only'
    END AS confidence
FROM keyed
