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
-- a function of its argument alone
SELECT proname, provolatile, proparallel, proisstrict FROM pg_proc WHERE pronamespace = 'ecapi'::regnamespace AND proname ~ '^gpp' ORDER BY 1;
