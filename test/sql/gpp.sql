-- GPP strings in SQL.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ecapi;
RESET client_min_messages;
SELECT jsonb_pretty(ecapi.gpp('DBABBg~BVWSSSVY.YA'));
-- several sections, one of an id that is not known
SELECT key, value ->> 'Version' AS version
FROM jsonb_each(ecapi.gpp('DBACOcGA~CPSG_8APSG_8ANwAAAENAAFgAAAAAAAAAAAAAAAAAAAA.IAAA.YAAAAAAAAAAA~BPSG_8APSG_8AAAAAAENAACAAAAAAAAAAAAAAAAAAAA.YAAAAAAAAAA~1---~BAAAAAAAAQA.QA~BAAAAABA.QA~BAAAABA~BAAAAEA.QA~BAAAAAQA~BAAAAAEA.QA~BAAAAABA~BAAAAABA.QA~BAAAAAABAA.QA~BAAAAAQA.QA~BAAAAAABAA.QA~BAAAAAQA.QA~BAAAAAQA.QA~BAAAAABA.QA~BAAAAAAAQA.QA~BAAAAAQA.QA~BAAAAAQA.QA~BQAA.QA~BQAA.AAA~BQAA.AAA~BQAA.AAA')) ORDER BY key;
-- a TC string by itself
SELECT (ecapi.gpp('CPSG_8APSG_8ANwAAAENAwCgAAAAAAAAAAYgACPAAAAA.IDKQA4AAgAKAGQAygAAA') -> 'tcfeuv2')
    - '{PurposeConsents,PurposeLegitimateInterests,SpecialFeatureOptins,PublisherConsents,PublisherLegitimateInterests}'::text[] AS tc;
-- one broken section takes the other not away
SELECT ecapi.gpp('DBABrw~BVQqAAAAAAKA~!!') ->> 'usca' IS NULL AS broken,
    ecapi.gpp('DBABrw~BVQqAAAAAAKA~!!') #>> '{usnat,SaleOptOut}' AS sale,
    ecapi.gpp_problem('DBABrw~BVQqAAAAAAKA~!!') AS problem;
-- none to decode
SELECT ecapi.gpp('');
SELECT ecapi.gpp('ann@example.com');
SELECT ecapi.gpp('DBABBg');
SELECT ecapi.gpp_problem('ann@example.com'), ecapi.gpp_problem('DBABTA~1YNN'), ecapi.gpp_problem(NULL);
SELECT ecapi.gpp_problem('DBABTA~' || repeat('A', 300000));
-- ninety million vendors in ranges: nothing is wrong with it, but there is no list of that size
SELECT ecapi.gpp('CP3tAUAP3tAUAAAAAAENAAEgAP___wAAAAYn__1eo' || repeat('AA___AAH__4', 700) || 'AA___AAH__wAAAAA');
SELECT ecapi.gpp_problem('CP3tAUAP3tAUAAAAAAENAAEgAP___wAAAAYn__1eo' || repeat('AA___AAH__4', 700) || 'AA___AAH__wAAAAA');
-- a function of its argument alone
SELECT proname, provolatile, proparallel, proisstrict FROM pg_proc WHERE pronamespace = 'ecapi'::regnamespace AND proname ~ '^gpp' ORDER BY 1;
-- what a receiver does with events, and what they carry
CREATE SERVER gpp_terms FOREIGN DATA WRAPPER ecapi OPTIONS (url 'https://receiver.example/', mode 'shadow', gpp 'required',
    uses 'measurement', sensitive 'health,precise_location', data_set_id '1');
SELECT said, p.decision, p.reason, p.consent
FROM (VALUES ('opted out', 'DBABBg~BAAAAQAA'), ('did not', 'DBABBg~BAAAAgAA'), ('only of unknown sections', 'DBABKY~BAAAAgAA')) s(said, string),
    ecapi.preview('gpp_terms', event => jsonb_build_object('event_type', 'sign_up', 'id', 'account-1', 'timestamp', extract(epoch FROM now())::bigint,
        'data_set_id', '1', 'user_data', jsonb_build_object('email_address', 'ann@example.com', 'gpp_string', string))) p;
ALTER SERVER gpp_terms OPTIONS (SET sensitive 'helth');
ALTER SERVER gpp_terms OPTIONS (SET sensitive 'health,');
ALTER SERVER gpp_terms OPTIONS (SET uses 'sale');
CREATE SERVER gpp_no_mode FOREIGN DATA WRAPPER ecapi OPTIONS (format 'linkedin', event_types 'purchase=104012', restricted 'allow');
ALTER SERVER gpp_terms OPTIONS (ADD tcf_purposes '1, 25');
ALTER SERVER gpp_terms OPTIONS (ADD tcf_vendor_id '65536');
ALTER SERVER gpp_terms OPTIONS (ADD restricted 'yes');
SET client_min_messages = warning;
DROP SERVER gpp_terms;
RESET client_min_messages;
