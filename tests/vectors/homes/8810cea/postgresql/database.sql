--
-- PostgreSQL database dump
--


-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: account_links; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.account_links (
    tenant character varying(64) NOT NULL,
    user_account character varying(64) NOT NULL,
    account character varying(32) NOT NULL,
    linked_at bigint NOT NULL
);


--
-- Name: accounts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.accounts (
    id character varying(32) NOT NULL,
    login character varying(128) NOT NULL,
    tenant character varying(64) NOT NULL,
    password_hash character varying(255) NOT NULL,
    previous_hashes json NOT NULL,
    status character varying(16) NOT NULL,
    epoch bigint NOT NULL,
    user_account character varying(64),
    user_id character varying(128),
    user_name character varying(128),
    created_at bigint NOT NULL,
    password_changed_at bigint NOT NULL
);


--
-- Name: agents; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.agents (
    tenant character varying(64) NOT NULL,
    account_code character varying(64) NOT NULL,
    work_no character varying(32) NOT NULL,
    sip_account character varying(64),
    sealed_sip_password bytea,
    synced_at bigint NOT NULL
);


--
-- Name: alembic_version; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);


--
-- Name: channels; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.channels (
    id character varying(64) NOT NULL,
    tenant character varying(64) NOT NULL,
    sealed_secret bytea NOT NULL,
    origins json NOT NULL,
    key_order json NOT NULL,
    length_rule character varying(16) NOT NULL,
    status character varying(16) NOT NULL,
    created_at bigint NOT NULL
);


--
-- Name: clients; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.clients (
    id character varying(64) NOT NULL,
    name character varying(128) NOT NULL,
    secret_digest character varying(64) NOT NULL,
    tenants json NOT NULL,
    audiences json NOT NULL,
    status character varying(16) NOT NULL,
    created_at bigint NOT NULL
);


--
-- Name: login_addresses; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.login_addresses (
    address character varying(64) NOT NULL,
    period integer NOT NULL,
    slot bigint NOT NULL,
    failures integer NOT NULL,
    forget_at bigint NOT NULL
);


--
-- Name: login_attempts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.login_attempts (
    key character varying(160) NOT NULL,
    failures integer NOT NULL,
    blocked_until bigint NOT NULL,
    forget_at bigint NOT NULL
);


--
-- Name: marks; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.marks (
    name character varying(32) NOT NULL,
    reached bigint NOT NULL
);


--
-- Name: revocations; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.revocations (
    target character varying(255) NOT NULL,
    number bigint NOT NULL,
    forget_at bigint NOT NULL
);


--
-- Name: sessions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sessions (
    digest character varying(64) NOT NULL,
    account character varying(32) NOT NULL,
    epoch bigint NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL
);


--
-- Name: tenants; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.tenants (
    id character varying(64) NOT NULL,
    name character varying(128) NOT NULL,
    status character varying(16) NOT NULL,
    created_at bigint NOT NULL
);


--
-- Data for Name: account_links; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.account_links VALUES ('202400000001', 'agent-7', 'bbc5914f52740682', 1793763952263);
INSERT INTO public.account_links VALUES ('202400000001', 'agent-8', '49ee1dfa6190fc21', 1794447952263);
INSERT INTO public.account_links VALUES ('202400000001', 'agent-9', '1180ea2037c949ea', 1794447952263);


--
-- Data for Name: accounts; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.accounts VALUES ('bbc5914f52740682', 'li.wei', '202400000001', '$argon2id$v=19$m=19456,t=2,p=1$crcxGoydaexMbDE2DjHuUw$rbwRn5lohU4LASsEjPvhm84MjuI88L59ViddTlYRavs', '[]', 'active', 1, 'agent-7', 'customer-7', '李伟', 1793763952263, 1793763952263);
INSERT INTO public.accounts VALUES ('1180ea2037c949ea', 'locked.one', '202400000001', '$argon2id$v=19$m=19456,t=2,p=1$H1Y4c/l40QZCKiCkandUMA$FqltO2dvfP9xAOLILrK+tWWSkmVSccwsUDhqhohb4R0', '[]', 'active', 1, 'agent-9', NULL, NULL, 1794447952263, 1794447952263);
INSERT INTO public.accounts VALUES ('49ee1dfa6190fc21', 'left.one', '202400000001', '$argon2id$v=19$m=19456,t=2,p=1$NJN+IyS0m/t+U9LmkWkYjA$vwQjFsUBrz85WV/yIHJc2k7dsN/PXyWx4Y/aCJWd2ps', '[]', 'disabled', 2, 'agent-8', 'customer-8', 'Left One', 1794447952263, 1794447952263);


--
-- Data for Name: agents; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: alembic_version; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.alembic_version VALUES ('0003');


--
-- Data for Name: channels; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.channels VALUES ('817854979183314945', '202400000001', '\xb2ff199a159297963b6bf3849337c1e64f94aa7e803747dc30d5b573ffadbce98131188a126162ba605dd25b71e8a356e354ab7af6bf592797344aa37864bf9bae71f268e59ae6', '["https://www.example.com"]', '["thirdUserName", "thirdUserId", "tenantSpaceId", "channelConfigId"]', 'bytes', 'active', 1793763952263);


--
-- Data for Name: clients; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.clients VALUES ('client-81433502fe79', 'backend', '99547b6b313a6939c491f82795409d06a42a6dec8d7f181443539bf3d96c2e10', '["202400000001"]', '["agent", "chat"]', 'active', 1793763952263);


--
-- Data for Name: login_addresses; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.login_addresses VALUES ('127.0.0.1', 86400, 207690, 1, 1794536640000);
INSERT INTO public.login_addresses VALUES ('127.0.0.1', 300, 59817811, 0, 1794534660000);
INSERT INTO public.login_addresses VALUES ('127.0.0.1', 3600, 4984817, 0, 1794538080000);
INSERT INTO public.login_addresses VALUES ('127.0.0.1', 86400, 207700, 0, 1794623040000);
INSERT INTO public.login_addresses VALUES ('192.0.2.1', 300, 59795011, 1, 1793850660000);
INSERT INTO public.login_addresses VALUES ('192.0.2.1', 3600, 4982917, 1, 1793854080000);
INSERT INTO public.login_addresses VALUES ('192.0.2.1', 86400, 207621, 1, 1793940480000);
INSERT INTO public.login_addresses VALUES ('192.0.2.2', 300, 59795133, 1, 1793854320000);
INSERT INTO public.login_addresses VALUES ('192.0.2.2', 3600, 4982927, 1, 1793857680000);
INSERT INTO public.login_addresses VALUES ('192.0.2.2', 86400, 207621, 1, 1793940480000);
INSERT INTO public.login_addresses VALUES ('192.0.2.3', 300, 59795255, 1, 1793857980000);
INSERT INTO public.login_addresses VALUES ('192.0.2.3', 3600, 4982937, 1, 1793861280000);
INSERT INTO public.login_addresses VALUES ('192.0.2.3', 86400, 207622, 1, 1793949120000);
INSERT INTO public.login_addresses VALUES ('192.0.2.4', 300, 59795377, 1, 1793861640000);
INSERT INTO public.login_addresses VALUES ('192.0.2.4', 3600, 4982948, 1, 1793865240000);
INSERT INTO public.login_addresses VALUES ('192.0.2.4', 86400, 207622, 1, 1793949120000);
INSERT INTO public.login_addresses VALUES ('192.0.2.5', 300, 59795499, 1, 1793865300000);
INSERT INTO public.login_addresses VALUES ('192.0.2.5', 3600, 4982958, 1, 1793868840000);
INSERT INTO public.login_addresses VALUES ('192.0.2.5', 86400, 207623, 1, 1793957760000);
INSERT INTO public.login_addresses VALUES ('192.0.2.6', 300, 59795621, 1, 1793868960000);
INSERT INTO public.login_addresses VALUES ('192.0.2.6', 3600, 4982968, 1, 1793872440000);
INSERT INTO public.login_addresses VALUES ('192.0.2.6', 86400, 207623, 1, 1793957760000);
INSERT INTO public.login_addresses VALUES ('192.0.2.7', 300, 59795743, 1, 1793872620000);
INSERT INTO public.login_addresses VALUES ('192.0.2.7', 3600, 4982978, 1, 1793876040000);
INSERT INTO public.login_addresses VALUES ('192.0.2.7', 86400, 207624, 1, 1793966400000);
INSERT INTO public.login_addresses VALUES ('192.0.2.8', 300, 59795865, 1, 1793876280000);
INSERT INTO public.login_addresses VALUES ('192.0.2.8', 3600, 4982988, 1, 1793879640000);
INSERT INTO public.login_addresses VALUES ('192.0.2.8', 86400, 207624, 1, 1793966400000);
INSERT INTO public.login_addresses VALUES ('192.0.2.9', 300, 59795987, 1, 1793879940000);
INSERT INTO public.login_addresses VALUES ('192.0.2.9', 3600, 4982998, 1, 1793883240000);
INSERT INTO public.login_addresses VALUES ('192.0.2.9', 86400, 207624, 1, 1793966400000);
INSERT INTO public.login_addresses VALUES ('192.0.2.10', 300, 59796109, 1, 1793883600000);
INSERT INTO public.login_addresses VALUES ('192.0.2.10', 3600, 4983009, 1, 1793887200000);
INSERT INTO public.login_addresses VALUES ('192.0.2.10', 86400, 207625, 1, 1793975040000);
INSERT INTO public.login_addresses VALUES ('192.0.2.11', 300, 59796231, 1, 1793887260000);
INSERT INTO public.login_addresses VALUES ('192.0.2.11', 3600, 4983019, 1, 1793890800000);
INSERT INTO public.login_addresses VALUES ('192.0.2.11', 86400, 207625, 1, 1793975040000);
INSERT INTO public.login_addresses VALUES ('192.0.2.12', 300, 59796353, 1, 1793890920000);
INSERT INTO public.login_addresses VALUES ('192.0.2.12', 3600, 4983029, 1, 1793894400000);
INSERT INTO public.login_addresses VALUES ('192.0.2.12', 86400, 207626, 1, 1793983680000);
INSERT INTO public.login_addresses VALUES ('192.0.2.13', 300, 59796475, 1, 1793894580000);
INSERT INTO public.login_addresses VALUES ('192.0.2.13', 3600, 4983039, 1, 1793898000000);
INSERT INTO public.login_addresses VALUES ('192.0.2.13', 86400, 207626, 1, 1793983680000);
INSERT INTO public.login_addresses VALUES ('192.0.2.14', 300, 59796597, 1, 1793898240000);
INSERT INTO public.login_addresses VALUES ('192.0.2.14', 3600, 4983049, 1, 1793901600000);
INSERT INTO public.login_addresses VALUES ('192.0.2.14', 86400, 207627, 1, 1793992320000);
INSERT INTO public.login_addresses VALUES ('192.0.2.15', 300, 59796719, 1, 1793901900000);
INSERT INTO public.login_addresses VALUES ('192.0.2.15', 3600, 4983059, 1, 1793905200000);
INSERT INTO public.login_addresses VALUES ('192.0.2.15', 86400, 207627, 1, 1793992320000);
INSERT INTO public.login_addresses VALUES ('192.0.2.16', 300, 59796841, 1, 1793905560000);
INSERT INTO public.login_addresses VALUES ('192.0.2.16', 3600, 4983070, 1, 1793909160000);
INSERT INTO public.login_addresses VALUES ('192.0.2.16', 86400, 207627, 1, 1793992320000);
INSERT INTO public.login_addresses VALUES ('192.0.2.17', 300, 59796963, 1, 1793909220000);
INSERT INTO public.login_addresses VALUES ('192.0.2.17', 3600, 4983080, 1, 1793912760000);
INSERT INTO public.login_addresses VALUES ('192.0.2.17', 86400, 207628, 1, 1794000960000);
INSERT INTO public.login_addresses VALUES ('192.0.2.18', 300, 59797085, 1, 1793912880000);
INSERT INTO public.login_addresses VALUES ('192.0.2.18', 3600, 4983090, 1, 1793916360000);
INSERT INTO public.login_addresses VALUES ('192.0.2.18', 86400, 207628, 1, 1794000960000);
INSERT INTO public.login_addresses VALUES ('192.0.2.19', 300, 59797207, 1, 1793916540000);
INSERT INTO public.login_addresses VALUES ('192.0.2.19', 3600, 4983100, 1, 1793919960000);
INSERT INTO public.login_addresses VALUES ('192.0.2.19', 86400, 207629, 1, 1794009600000);
INSERT INTO public.login_addresses VALUES ('192.0.2.20', 300, 59797329, 1, 1793920200000);
INSERT INTO public.login_addresses VALUES ('192.0.2.20', 3600, 4983110, 1, 1793923560000);
INSERT INTO public.login_addresses VALUES ('192.0.2.20', 86400, 207629, 1, 1794009600000);
INSERT INTO public.login_addresses VALUES ('192.0.2.21', 300, 59797451, 1, 1793923860000);
INSERT INTO public.login_addresses VALUES ('192.0.2.21', 3600, 4983120, 1, 1793927160000);
INSERT INTO public.login_addresses VALUES ('192.0.2.21', 86400, 207630, 1, 1794018240000);
INSERT INTO public.login_addresses VALUES ('192.0.2.22', 300, 59797573, 1, 1793927520000);
INSERT INTO public.login_addresses VALUES ('192.0.2.22', 3600, 4983131, 1, 1793931120000);
INSERT INTO public.login_addresses VALUES ('192.0.2.22', 86400, 207630, 1, 1794018240000);
INSERT INTO public.login_addresses VALUES ('192.0.2.23', 300, 59797695, 1, 1793931180000);
INSERT INTO public.login_addresses VALUES ('192.0.2.23', 3600, 4983141, 1, 1793934720000);
INSERT INTO public.login_addresses VALUES ('192.0.2.23', 86400, 207630, 1, 1794018240000);
INSERT INTO public.login_addresses VALUES ('192.0.2.24', 300, 59797817, 1, 1793934840000);
INSERT INTO public.login_addresses VALUES ('192.0.2.24', 3600, 4983151, 1, 1793938320000);
INSERT INTO public.login_addresses VALUES ('192.0.2.24', 86400, 207631, 1, 1794026880000);
INSERT INTO public.login_addresses VALUES ('192.0.2.25', 300, 59797939, 1, 1793938500000);
INSERT INTO public.login_addresses VALUES ('192.0.2.25', 3600, 4983161, 1, 1793941920000);
INSERT INTO public.login_addresses VALUES ('192.0.2.25', 86400, 207631, 1, 1794026880000);
INSERT INTO public.login_addresses VALUES ('192.0.2.26', 300, 59798061, 1, 1793942160000);
INSERT INTO public.login_addresses VALUES ('192.0.2.26', 3600, 4983171, 1, 1793945520000);
INSERT INTO public.login_addresses VALUES ('192.0.2.26', 86400, 207632, 1, 1794035520000);
INSERT INTO public.login_addresses VALUES ('192.0.2.27', 300, 59798183, 1, 1793945820000);
INSERT INTO public.login_addresses VALUES ('192.0.2.27', 3600, 4983181, 1, 1793949120000);
INSERT INTO public.login_addresses VALUES ('192.0.2.27', 86400, 207632, 1, 1794035520000);
INSERT INTO public.login_addresses VALUES ('192.0.2.28', 300, 59798305, 1, 1793949480000);
INSERT INTO public.login_addresses VALUES ('192.0.2.28', 3600, 4983192, 1, 1793953080000);
INSERT INTO public.login_addresses VALUES ('192.0.2.28', 86400, 207633, 1, 1794044160000);
INSERT INTO public.login_addresses VALUES ('192.0.2.29', 300, 59798427, 1, 1793953140000);
INSERT INTO public.login_addresses VALUES ('192.0.2.29', 3600, 4983202, 1, 1793956680000);
INSERT INTO public.login_addresses VALUES ('192.0.2.29', 86400, 207633, 1, 1794044160000);
INSERT INTO public.login_addresses VALUES ('192.0.2.30', 300, 59798549, 1, 1793956800000);
INSERT INTO public.login_addresses VALUES ('192.0.2.30', 3600, 4983212, 1, 1793960280000);
INSERT INTO public.login_addresses VALUES ('192.0.2.30', 86400, 207633, 1, 1794044160000);
INSERT INTO public.login_addresses VALUES ('192.0.2.31', 300, 59798671, 1, 1793960460000);
INSERT INTO public.login_addresses VALUES ('192.0.2.31', 3600, 4983222, 1, 1793963880000);
INSERT INTO public.login_addresses VALUES ('192.0.2.31', 86400, 207634, 1, 1794052800000);
INSERT INTO public.login_addresses VALUES ('192.0.2.32', 300, 59798793, 1, 1793964120000);
INSERT INTO public.login_addresses VALUES ('192.0.2.32', 3600, 4983232, 1, 1793967480000);
INSERT INTO public.login_addresses VALUES ('192.0.2.32', 86400, 207634, 1, 1794052800000);
INSERT INTO public.login_addresses VALUES ('192.0.2.33', 300, 59798915, 1, 1793967780000);
INSERT INTO public.login_addresses VALUES ('192.0.2.33', 3600, 4983242, 1, 1793971080000);
INSERT INTO public.login_addresses VALUES ('192.0.2.33', 86400, 207635, 1, 1794061440000);
INSERT INTO public.login_addresses VALUES ('192.0.2.34', 300, 59799037, 1, 1793971440000);
INSERT INTO public.login_addresses VALUES ('192.0.2.34', 3600, 4983253, 1, 1793975040000);
INSERT INTO public.login_addresses VALUES ('192.0.2.34', 86400, 207635, 1, 1794061440000);
INSERT INTO public.login_addresses VALUES ('192.0.2.35', 300, 59799159, 1, 1793975100000);
INSERT INTO public.login_addresses VALUES ('192.0.2.35', 3600, 4983263, 1, 1793978640000);
INSERT INTO public.login_addresses VALUES ('192.0.2.35', 86400, 207635, 1, 1794061440000);
INSERT INTO public.login_addresses VALUES ('192.0.2.36', 300, 59799281, 1, 1793978760000);
INSERT INTO public.login_addresses VALUES ('192.0.2.36', 3600, 4983273, 1, 1793982240000);
INSERT INTO public.login_addresses VALUES ('192.0.2.36', 86400, 207636, 1, 1794070080000);
INSERT INTO public.login_addresses VALUES ('192.0.2.37', 300, 59799403, 1, 1793982420000);
INSERT INTO public.login_addresses VALUES ('192.0.2.37', 3600, 4983283, 1, 1793985840000);
INSERT INTO public.login_addresses VALUES ('192.0.2.37', 86400, 207636, 1, 1794070080000);
INSERT INTO public.login_addresses VALUES ('192.0.2.38', 300, 59799525, 1, 1793986080000);
INSERT INTO public.login_addresses VALUES ('192.0.2.38', 3600, 4983293, 1, 1793989440000);
INSERT INTO public.login_addresses VALUES ('192.0.2.38', 86400, 207637, 1, 1794078720000);
INSERT INTO public.login_addresses VALUES ('192.0.2.39', 300, 59799647, 1, 1793989740000);
INSERT INTO public.login_addresses VALUES ('192.0.2.39', 3600, 4983303, 1, 1793993040000);
INSERT INTO public.login_addresses VALUES ('192.0.2.39', 86400, 207637, 1, 1794078720000);
INSERT INTO public.login_addresses VALUES ('192.0.2.40', 300, 59799769, 1, 1793993400000);
INSERT INTO public.login_addresses VALUES ('192.0.2.40', 3600, 4983314, 1, 1793997000000);
INSERT INTO public.login_addresses VALUES ('192.0.2.40', 86400, 207638, 1, 1794087360000);
INSERT INTO public.login_addresses VALUES ('192.0.2.41', 300, 59799891, 1, 1793997060000);
INSERT INTO public.login_addresses VALUES ('192.0.2.41', 3600, 4983324, 1, 1794000600000);
INSERT INTO public.login_addresses VALUES ('192.0.2.41', 86400, 207638, 1, 1794087360000);
INSERT INTO public.login_addresses VALUES ('192.0.2.42', 300, 59800013, 1, 1794000720000);
INSERT INTO public.login_addresses VALUES ('192.0.2.42', 3600, 4983334, 1, 1794004200000);
INSERT INTO public.login_addresses VALUES ('192.0.2.42', 86400, 207638, 1, 1794087360000);
INSERT INTO public.login_addresses VALUES ('192.0.2.43', 300, 59800135, 1, 1794004380000);
INSERT INTO public.login_addresses VALUES ('192.0.2.43', 3600, 4983344, 1, 1794007800000);
INSERT INTO public.login_addresses VALUES ('192.0.2.43', 86400, 207639, 1, 1794096000000);
INSERT INTO public.login_addresses VALUES ('192.0.2.44', 300, 59800257, 1, 1794008040000);
INSERT INTO public.login_addresses VALUES ('192.0.2.44', 3600, 4983354, 1, 1794011400000);
INSERT INTO public.login_addresses VALUES ('192.0.2.44', 86400, 207639, 1, 1794096000000);
INSERT INTO public.login_addresses VALUES ('192.0.2.45', 300, 59800379, 1, 1794011700000);
INSERT INTO public.login_addresses VALUES ('192.0.2.45', 3600, 4983364, 1, 1794015000000);
INSERT INTO public.login_addresses VALUES ('192.0.2.45', 86400, 207640, 1, 1794104640000);
INSERT INTO public.login_addresses VALUES ('192.0.2.46', 300, 59800501, 1, 1794015360000);
INSERT INTO public.login_addresses VALUES ('192.0.2.46', 3600, 4983375, 1, 1794018960000);
INSERT INTO public.login_addresses VALUES ('192.0.2.46', 86400, 207640, 1, 1794104640000);
INSERT INTO public.login_addresses VALUES ('192.0.2.47', 300, 59800623, 1, 1794019020000);
INSERT INTO public.login_addresses VALUES ('192.0.2.47', 3600, 4983385, 1, 1794022560000);
INSERT INTO public.login_addresses VALUES ('192.0.2.47', 86400, 207641, 1, 1794113280000);
INSERT INTO public.login_addresses VALUES ('192.0.2.48', 300, 59800745, 1, 1794022680000);
INSERT INTO public.login_addresses VALUES ('192.0.2.48', 3600, 4983395, 1, 1794026160000);
INSERT INTO public.login_addresses VALUES ('192.0.2.48', 86400, 207641, 1, 1794113280000);
INSERT INTO public.login_addresses VALUES ('192.0.2.49', 300, 59800867, 1, 1794026340000);
INSERT INTO public.login_addresses VALUES ('192.0.2.49', 3600, 4983405, 1, 1794029760000);
INSERT INTO public.login_addresses VALUES ('192.0.2.49', 86400, 207641, 1, 1794113280000);
INSERT INTO public.login_addresses VALUES ('192.0.2.50', 300, 59800989, 1, 1794030000000);
INSERT INTO public.login_addresses VALUES ('192.0.2.50', 3600, 4983415, 1, 1794033360000);
INSERT INTO public.login_addresses VALUES ('192.0.2.50', 86400, 207642, 1, 1794121920000);
INSERT INTO public.login_addresses VALUES ('192.0.2.51', 300, 59801111, 1, 1794033660000);
INSERT INTO public.login_addresses VALUES ('192.0.2.51', 3600, 4983425, 1, 1794036960000);
INSERT INTO public.login_addresses VALUES ('192.0.2.51', 86400, 207642, 1, 1794121920000);
INSERT INTO public.login_addresses VALUES ('192.0.2.52', 300, 59801233, 1, 1794037320000);
INSERT INTO public.login_addresses VALUES ('192.0.2.52', 3600, 4983436, 1, 1794040920000);
INSERT INTO public.login_addresses VALUES ('192.0.2.52', 86400, 207643, 1, 1794130560000);
INSERT INTO public.login_addresses VALUES ('192.0.2.53', 300, 59801355, 1, 1794040980000);
INSERT INTO public.login_addresses VALUES ('192.0.2.53', 3600, 4983446, 1, 1794044520000);
INSERT INTO public.login_addresses VALUES ('192.0.2.53', 86400, 207643, 1, 1794130560000);
INSERT INTO public.login_addresses VALUES ('192.0.2.54', 300, 59801477, 1, 1794044640000);
INSERT INTO public.login_addresses VALUES ('192.0.2.54', 3600, 4983456, 1, 1794048120000);
INSERT INTO public.login_addresses VALUES ('192.0.2.54', 86400, 207644, 1, 1794139200000);
INSERT INTO public.login_addresses VALUES ('192.0.2.55', 300, 59801599, 1, 1794048300000);
INSERT INTO public.login_addresses VALUES ('192.0.2.55', 3600, 4983466, 1, 1794051720000);
INSERT INTO public.login_addresses VALUES ('192.0.2.55', 86400, 207644, 1, 1794139200000);
INSERT INTO public.login_addresses VALUES ('192.0.2.56', 300, 59801721, 1, 1794051960000);
INSERT INTO public.login_addresses VALUES ('192.0.2.56', 3600, 4983476, 1, 1794055320000);
INSERT INTO public.login_addresses VALUES ('192.0.2.56', 86400, 207644, 1, 1794139200000);
INSERT INTO public.login_addresses VALUES ('192.0.2.57', 300, 59801843, 1, 1794055620000);
INSERT INTO public.login_addresses VALUES ('192.0.2.57', 3600, 4983486, 1, 1794058920000);
INSERT INTO public.login_addresses VALUES ('192.0.2.57', 86400, 207645, 1, 1794147840000);
INSERT INTO public.login_addresses VALUES ('192.0.2.58', 300, 59801965, 1, 1794059280000);
INSERT INTO public.login_addresses VALUES ('192.0.2.58', 3600, 4983497, 1, 1794062880000);
INSERT INTO public.login_addresses VALUES ('192.0.2.58', 86400, 207645, 1, 1794147840000);
INSERT INTO public.login_addresses VALUES ('192.0.2.59', 300, 59802087, 1, 1794062940000);
INSERT INTO public.login_addresses VALUES ('192.0.2.59', 3600, 4983507, 1, 1794066480000);
INSERT INTO public.login_addresses VALUES ('192.0.2.59', 86400, 207646, 1, 1794156480000);
INSERT INTO public.login_addresses VALUES ('192.0.2.60', 300, 59802209, 1, 1794066600000);
INSERT INTO public.login_addresses VALUES ('192.0.2.60', 3600, 4983517, 1, 1794070080000);
INSERT INTO public.login_addresses VALUES ('192.0.2.60', 86400, 207646, 1, 1794156480000);
INSERT INTO public.login_addresses VALUES ('192.0.2.61', 300, 59802331, 1, 1794070260000);
INSERT INTO public.login_addresses VALUES ('192.0.2.61', 3600, 4983527, 1, 1794073680000);
INSERT INTO public.login_addresses VALUES ('192.0.2.61', 86400, 207646, 1, 1794156480000);
INSERT INTO public.login_addresses VALUES ('192.0.2.62', 300, 59802453, 1, 1794073920000);
INSERT INTO public.login_addresses VALUES ('192.0.2.62', 3600, 4983537, 1, 1794077280000);
INSERT INTO public.login_addresses VALUES ('192.0.2.62', 86400, 207647, 1, 1794165120000);
INSERT INTO public.login_addresses VALUES ('192.0.2.63', 300, 59802575, 1, 1794077580000);
INSERT INTO public.login_addresses VALUES ('192.0.2.63', 3600, 4983547, 1, 1794080880000);
INSERT INTO public.login_addresses VALUES ('192.0.2.63', 86400, 207647, 1, 1794165120000);
INSERT INTO public.login_addresses VALUES ('192.0.2.64', 300, 59802697, 1, 1794081240000);
INSERT INTO public.login_addresses VALUES ('192.0.2.64', 3600, 4983558, 1, 1794084840000);
INSERT INTO public.login_addresses VALUES ('192.0.2.64', 86400, 207648, 1, 1794173760000);
INSERT INTO public.login_addresses VALUES ('192.0.2.65', 300, 59802819, 1, 1794084900000);
INSERT INTO public.login_addresses VALUES ('192.0.2.65', 3600, 4983568, 1, 1794088440000);
INSERT INTO public.login_addresses VALUES ('192.0.2.65', 86400, 207648, 1, 1794173760000);
INSERT INTO public.login_addresses VALUES ('192.0.2.66', 300, 59802941, 1, 1794088560000);
INSERT INTO public.login_addresses VALUES ('192.0.2.66', 3600, 4983578, 1, 1794092040000);
INSERT INTO public.login_addresses VALUES ('192.0.2.66', 86400, 207649, 1, 1794182400000);
INSERT INTO public.login_addresses VALUES ('192.0.2.67', 300, 59803063, 1, 1794092220000);
INSERT INTO public.login_addresses VALUES ('192.0.2.67', 3600, 4983588, 1, 1794095640000);
INSERT INTO public.login_addresses VALUES ('192.0.2.67', 86400, 207649, 1, 1794182400000);
INSERT INTO public.login_addresses VALUES ('192.0.2.68', 300, 59803185, 1, 1794095880000);
INSERT INTO public.login_addresses VALUES ('192.0.2.68', 3600, 4983598, 1, 1794099240000);
INSERT INTO public.login_addresses VALUES ('192.0.2.68', 86400, 207649, 1, 1794182400000);
INSERT INTO public.login_addresses VALUES ('192.0.2.69', 300, 59803307, 1, 1794099540000);
INSERT INTO public.login_addresses VALUES ('192.0.2.69', 3600, 4983608, 1, 1794102840000);
INSERT INTO public.login_addresses VALUES ('192.0.2.69', 86400, 207650, 1, 1794191040000);
INSERT INTO public.login_addresses VALUES ('192.0.2.70', 300, 59803429, 1, 1794103200000);
INSERT INTO public.login_addresses VALUES ('192.0.2.70', 3600, 4983619, 1, 1794106800000);
INSERT INTO public.login_addresses VALUES ('192.0.2.70', 86400, 207650, 1, 1794191040000);
INSERT INTO public.login_addresses VALUES ('192.0.2.71', 300, 59803551, 1, 1794106860000);
INSERT INTO public.login_addresses VALUES ('192.0.2.71', 3600, 4983629, 1, 1794110400000);
INSERT INTO public.login_addresses VALUES ('192.0.2.71', 86400, 207651, 1, 1794199680000);
INSERT INTO public.login_addresses VALUES ('192.0.2.72', 300, 59803673, 1, 1794110520000);
INSERT INTO public.login_addresses VALUES ('192.0.2.72', 3600, 4983639, 1, 1794114000000);
INSERT INTO public.login_addresses VALUES ('192.0.2.72', 86400, 207651, 1, 1794199680000);
INSERT INTO public.login_addresses VALUES ('192.0.2.73', 300, 59803795, 1, 1794114180000);
INSERT INTO public.login_addresses VALUES ('192.0.2.73', 3600, 4983649, 1, 1794117600000);
INSERT INTO public.login_addresses VALUES ('192.0.2.73', 86400, 207652, 1, 1794208320000);
INSERT INTO public.login_addresses VALUES ('192.0.2.74', 300, 59803917, 1, 1794117840000);
INSERT INTO public.login_addresses VALUES ('192.0.2.74', 3600, 4983659, 1, 1794121200000);
INSERT INTO public.login_addresses VALUES ('192.0.2.74', 86400, 207652, 1, 1794208320000);
INSERT INTO public.login_addresses VALUES ('192.0.2.75', 300, 59804039, 1, 1794121500000);
INSERT INTO public.login_addresses VALUES ('192.0.2.75', 3600, 4983669, 1, 1794124800000);
INSERT INTO public.login_addresses VALUES ('192.0.2.75', 86400, 207652, 1, 1794208320000);
INSERT INTO public.login_addresses VALUES ('192.0.2.76', 300, 59804161, 1, 1794125160000);
INSERT INTO public.login_addresses VALUES ('192.0.2.76', 3600, 4983680, 1, 1794128760000);
INSERT INTO public.login_addresses VALUES ('192.0.2.76', 86400, 207653, 1, 1794216960000);
INSERT INTO public.login_addresses VALUES ('192.0.2.77', 300, 59804283, 1, 1794128820000);
INSERT INTO public.login_addresses VALUES ('192.0.2.77', 3600, 4983690, 1, 1794132360000);
INSERT INTO public.login_addresses VALUES ('192.0.2.77', 86400, 207653, 1, 1794216960000);
INSERT INTO public.login_addresses VALUES ('192.0.2.78', 300, 59804405, 1, 1794132480000);
INSERT INTO public.login_addresses VALUES ('192.0.2.78', 3600, 4983700, 1, 1794135960000);
INSERT INTO public.login_addresses VALUES ('192.0.2.78', 86400, 207654, 1, 1794225600000);
INSERT INTO public.login_addresses VALUES ('192.0.2.79', 300, 59804527, 1, 1794136140000);
INSERT INTO public.login_addresses VALUES ('192.0.2.79', 3600, 4983710, 1, 1794139560000);
INSERT INTO public.login_addresses VALUES ('192.0.2.79', 86400, 207654, 1, 1794225600000);
INSERT INTO public.login_addresses VALUES ('192.0.2.80', 300, 59804649, 1, 1794139800000);
INSERT INTO public.login_addresses VALUES ('192.0.2.80', 3600, 4983720, 1, 1794143160000);
INSERT INTO public.login_addresses VALUES ('192.0.2.80', 86400, 207655, 1, 1794234240000);
INSERT INTO public.login_addresses VALUES ('192.0.2.81', 300, 59804771, 1, 1794143460000);
INSERT INTO public.login_addresses VALUES ('192.0.2.81', 3600, 4983730, 1, 1794146760000);
INSERT INTO public.login_addresses VALUES ('192.0.2.81', 86400, 207655, 1, 1794234240000);
INSERT INTO public.login_addresses VALUES ('192.0.2.82', 300, 59804893, 1, 1794147120000);
INSERT INTO public.login_addresses VALUES ('192.0.2.82', 3600, 4983741, 1, 1794150720000);
INSERT INTO public.login_addresses VALUES ('192.0.2.82', 86400, 207655, 1, 1794234240000);
INSERT INTO public.login_addresses VALUES ('192.0.2.83', 300, 59805015, 1, 1794150780000);
INSERT INTO public.login_addresses VALUES ('192.0.2.83', 3600, 4983751, 1, 1794154320000);
INSERT INTO public.login_addresses VALUES ('192.0.2.83', 86400, 207656, 1, 1794242880000);
INSERT INTO public.login_addresses VALUES ('192.0.2.84', 300, 59805137, 1, 1794154440000);
INSERT INTO public.login_addresses VALUES ('192.0.2.84', 3600, 4983761, 1, 1794157920000);
INSERT INTO public.login_addresses VALUES ('192.0.2.84', 86400, 207656, 1, 1794242880000);
INSERT INTO public.login_addresses VALUES ('192.0.2.85', 300, 59805259, 1, 1794158100000);
INSERT INTO public.login_addresses VALUES ('192.0.2.85', 3600, 4983771, 1, 1794161520000);
INSERT INTO public.login_addresses VALUES ('192.0.2.85', 86400, 207657, 1, 1794251520000);
INSERT INTO public.login_addresses VALUES ('192.0.2.86', 300, 59805381, 1, 1794161760000);
INSERT INTO public.login_addresses VALUES ('192.0.2.86', 3600, 4983781, 1, 1794165120000);
INSERT INTO public.login_addresses VALUES ('192.0.2.86', 86400, 207657, 1, 1794251520000);
INSERT INTO public.login_addresses VALUES ('192.0.2.87', 300, 59805503, 1, 1794165420000);
INSERT INTO public.login_addresses VALUES ('192.0.2.87', 3600, 4983791, 1, 1794168720000);
INSERT INTO public.login_addresses VALUES ('192.0.2.87', 86400, 207657, 1, 1794251520000);
INSERT INTO public.login_addresses VALUES ('192.0.2.88', 300, 59805625, 1, 1794169080000);
INSERT INTO public.login_addresses VALUES ('192.0.2.88', 3600, 4983802, 1, 1794172680000);
INSERT INTO public.login_addresses VALUES ('192.0.2.88', 86400, 207658, 1, 1794260160000);
INSERT INTO public.login_addresses VALUES ('192.0.2.89', 300, 59805747, 1, 1794172740000);
INSERT INTO public.login_addresses VALUES ('192.0.2.89', 3600, 4983812, 1, 1794176280000);
INSERT INTO public.login_addresses VALUES ('192.0.2.89', 86400, 207658, 1, 1794260160000);
INSERT INTO public.login_addresses VALUES ('192.0.2.90', 300, 59805869, 1, 1794176400000);
INSERT INTO public.login_addresses VALUES ('192.0.2.90', 3600, 4983822, 1, 1794179880000);
INSERT INTO public.login_addresses VALUES ('192.0.2.90', 86400, 207659, 1, 1794268800000);
INSERT INTO public.login_addresses VALUES ('192.0.2.91', 300, 59805991, 1, 1794180060000);
INSERT INTO public.login_addresses VALUES ('192.0.2.91', 3600, 4983832, 1, 1794183480000);
INSERT INTO public.login_addresses VALUES ('192.0.2.91', 86400, 207659, 1, 1794268800000);
INSERT INTO public.login_addresses VALUES ('192.0.2.92', 300, 59806113, 1, 1794183720000);
INSERT INTO public.login_addresses VALUES ('192.0.2.92', 3600, 4983842, 1, 1794187080000);
INSERT INTO public.login_addresses VALUES ('192.0.2.92', 86400, 207660, 1, 1794277440000);
INSERT INTO public.login_addresses VALUES ('192.0.2.93', 300, 59806235, 1, 1794187380000);
INSERT INTO public.login_addresses VALUES ('192.0.2.93', 3600, 4983852, 1, 1794190680000);
INSERT INTO public.login_addresses VALUES ('192.0.2.93', 86400, 207660, 1, 1794277440000);
INSERT INTO public.login_addresses VALUES ('192.0.2.94', 300, 59806357, 1, 1794191040000);
INSERT INTO public.login_addresses VALUES ('192.0.2.94', 3600, 4983863, 1, 1794194640000);
INSERT INTO public.login_addresses VALUES ('192.0.2.94', 86400, 207660, 1, 1794277440000);
INSERT INTO public.login_addresses VALUES ('192.0.2.95', 300, 59806479, 1, 1794194700000);
INSERT INTO public.login_addresses VALUES ('192.0.2.95', 3600, 4983873, 1, 1794198240000);
INSERT INTO public.login_addresses VALUES ('192.0.2.95', 86400, 207661, 1, 1794286080000);
INSERT INTO public.login_addresses VALUES ('192.0.2.96', 300, 59806601, 1, 1794198360000);
INSERT INTO public.login_addresses VALUES ('192.0.2.96', 3600, 4983883, 1, 1794201840000);
INSERT INTO public.login_addresses VALUES ('192.0.2.96', 86400, 207661, 1, 1794286080000);
INSERT INTO public.login_addresses VALUES ('192.0.2.97', 300, 59806723, 1, 1794202020000);
INSERT INTO public.login_addresses VALUES ('192.0.2.97', 3600, 4983893, 1, 1794205440000);
INSERT INTO public.login_addresses VALUES ('192.0.2.97', 86400, 207662, 1, 1794294720000);
INSERT INTO public.login_addresses VALUES ('192.0.2.98', 300, 59806845, 1, 1794205680000);
INSERT INTO public.login_addresses VALUES ('192.0.2.98', 3600, 4983903, 1, 1794209040000);
INSERT INTO public.login_addresses VALUES ('192.0.2.98', 86400, 207662, 1, 1794294720000);
INSERT INTO public.login_addresses VALUES ('192.0.2.99', 300, 59806967, 1, 1794209340000);
INSERT INTO public.login_addresses VALUES ('192.0.2.99', 3600, 4983913, 1, 1794212640000);
INSERT INTO public.login_addresses VALUES ('192.0.2.99', 86400, 207663, 1, 1794303360000);
INSERT INTO public.login_addresses VALUES ('192.0.2.100', 300, 59807089, 1, 1794213000000);
INSERT INTO public.login_addresses VALUES ('192.0.2.100', 3600, 4983924, 1, 1794216600000);
INSERT INTO public.login_addresses VALUES ('192.0.2.100', 86400, 207663, 1, 1794303360000);


--
-- Data for Name: login_attempts; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.login_attempts VALUES ('account:6382b3cc881412b77bfcaeed026001c00d9e3025e66c20f6e7e92f079851462a', 1, 0, 1797039952263);
INSERT INTO public.login_attempts VALUES ('account:3d7be470d7af7368e9e3ce98aa1e0454803f501bacf788c01cf5b660c3e9c7e2', 100, 1794216292263, 1796804692263);


--
-- Data for Name: marks; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.marks VALUES ('lasting', 1794534352263);
INSERT INTO public.marks VALUES ('number', 1794534352263);


--
-- Data for Name: revocations; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.revocations VALUES ('jti:202400000001:eqKUgdLxXDpRfu1mlgSqBcwF', 4611686018427387904, 1794621352263);
INSERT INTO public.revocations VALUES ('subject:chat:202400000001:customer-88', 1794534352263, 1794621352263);


--
-- Data for Name: sessions; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.sessions VALUES ('b3dff2596154d6afecbf9a889287884c42635a6a3fe284688500d301582e06b7', 'bbc5914f52740682', 1, 1794534352263, 1794563152263);


--
-- Data for Name: tenants; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.tenants VALUES ('202400000001', 'First', 'active', 1793763952263);
INSERT INTO public.tenants VALUES ('202400000002', 'Second', 'active', 1793763952263);
INSERT INTO public.tenants VALUES ('202400000003', 'Closed', 'active', 1794447952263);


--
-- Name: alembic_version alembic_version_pkc; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);


--
-- Name: account_links pk_account_links; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.account_links
    ADD CONSTRAINT pk_account_links PRIMARY KEY (tenant, user_account);


--
-- Name: accounts pk_accounts; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT pk_accounts PRIMARY KEY (id);


--
-- Name: agents pk_agents; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.agents
    ADD CONSTRAINT pk_agents PRIMARY KEY (tenant, account_code);


--
-- Name: channels pk_channels; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.channels
    ADD CONSTRAINT pk_channels PRIMARY KEY (id);


--
-- Name: clients pk_clients; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.clients
    ADD CONSTRAINT pk_clients PRIMARY KEY (id);


--
-- Name: login_addresses pk_login_addresses; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.login_addresses
    ADD CONSTRAINT pk_login_addresses PRIMARY KEY (address, period, slot);


--
-- Name: login_attempts pk_login_attempts; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.login_attempts
    ADD CONSTRAINT pk_login_attempts PRIMARY KEY (key);


--
-- Name: marks pk_marks; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.marks
    ADD CONSTRAINT pk_marks PRIMARY KEY (name);


--
-- Name: revocations pk_revocations; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.revocations
    ADD CONSTRAINT pk_revocations PRIMARY KEY (target);


--
-- Name: sessions pk_sessions; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT pk_sessions PRIMARY KEY (digest);


--
-- Name: tenants pk_tenants; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tenants
    ADD CONSTRAINT pk_tenants PRIMARY KEY (id);


--
-- Name: accounts uq_accounts_login; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT uq_accounts_login UNIQUE (login);


--
-- Name: accounts uq_accounts_tenant_user_account; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT uq_accounts_tenant_user_account UNIQUE (tenant, user_account);


--
-- Name: accounts uq_accounts_tenant_user_id; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT uq_accounts_tenant_user_id UNIQUE (tenant, user_id);


--
-- Name: ix_account_links_account; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_account_links_account ON public.account_links USING btree (account);


--
-- Name: ix_login_addresses_forget_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_login_addresses_forget_at ON public.login_addresses USING btree (forget_at);


--
-- Name: ix_login_attempts_forget_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_login_attempts_forget_at ON public.login_attempts USING btree (forget_at);


--
-- Name: ix_revocations_forget_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_revocations_forget_at ON public.revocations USING btree (forget_at);


--
-- Name: ix_sessions_account; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_sessions_account ON public.sessions USING btree (account);


--
-- Name: ix_sessions_expires_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_sessions_expires_at ON public.sessions USING btree (expires_at);


--
-- Name: account_links fk_account_links_account_accounts; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.account_links
    ADD CONSTRAINT fk_account_links_account_accounts FOREIGN KEY (account) REFERENCES public.accounts(id);


--
-- Name: account_links fk_account_links_tenant_tenants; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.account_links
    ADD CONSTRAINT fk_account_links_tenant_tenants FOREIGN KEY (tenant) REFERENCES public.tenants(id);


--
-- Name: accounts fk_accounts_tenant_tenants; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT fk_accounts_tenant_tenants FOREIGN KEY (tenant) REFERENCES public.tenants(id);


--
-- Name: agents fk_agents_tenant_tenants; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.agents
    ADD CONSTRAINT fk_agents_tenant_tenants FOREIGN KEY (tenant) REFERENCES public.tenants(id);


--
-- Name: channels fk_channels_tenant_tenants; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.channels
    ADD CONSTRAINT fk_channels_tenant_tenants FOREIGN KEY (tenant) REFERENCES public.tenants(id);


--
-- Name: sessions fk_sessions_account_accounts; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT fk_sessions_account_accounts FOREIGN KEY (account) REFERENCES public.accounts(id);


--
-- PostgreSQL database dump complete
--


