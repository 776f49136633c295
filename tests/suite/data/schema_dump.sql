--
-- PostgreSQL database dump
--



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

--
-- Name: app; Type: SCHEMA; Schema: -; Owner: orbit
--

CREATE SCHEMA app;


ALTER SCHEMA app OWNER TO orbit;

--
-- Name: SCHEMA app; Type: COMMENT; Schema: -; Owner: orbit
--

COMMENT ON SCHEMA app IS 'the app';


--
-- Name: addr; Type: TYPE; Schema: app; Owner: orbit
--

CREATE TYPE app.addr AS (
	street text,
	no integer,
	zip character varying(5)
);


ALTER TYPE app.addr OWNER TO orbit;

--
-- Name: email; Type: DOMAIN; Schema: app; Owner: orbit
--

CREATE DOMAIN app.email AS character varying(80) NOT NULL DEFAULT 'x@y'::character varying
	CONSTRAINT has_at CHECK (((VALUE)::text ~ '@'::text));


ALTER DOMAIN app.email OWNER TO orbit;

--
-- Name: DOMAIN email; Type: COMMENT; Schema: app; Owner: orbit
--

COMMENT ON DOMAIN app.email IS 'mail address';


--
-- Name: mood; Type: TYPE; Schema: app; Owner: orbit
--

CREATE TYPE app.mood AS ENUM (
    'sad',
    'ok',
    'happy'
);


ALTER TYPE app.mood OWNER TO orbit;

--
-- Name: TYPE mood; Type: COMMENT; Schema: app; Owner: orbit
--

COMMENT ON TYPE app.mood IS 'moods';


--
-- Name: positive; Type: DOMAIN; Schema: app; Owner: orbit
--

CREATE DOMAIN app.positive AS integer
	CONSTRAINT positive_check CHECK ((VALUE > 0));


ALTER DOMAIN app.positive OWNER TO orbit;

--
-- Name: span; Type: TYPE; Schema: app; Owner: orbit
--

CREATE TYPE app.span AS RANGE (
    subtype = double precision,
    multirange_type_name = app.span_multirange
);


ALTER TYPE app.span OWNER TO orbit;

--
-- Name: add(integer, integer); Type: FUNCTION; Schema: app; Owner: orbit
--

CREATE FUNCTION app.add(a integer, b integer DEFAULT 2) RETURNS integer
    LANGUAGE sql IMMUTABLE STRICT
    AS $$ SELECT a + b $$;


ALTER FUNCTION app.add(a integer, b integer) OWNER TO orbit;

--
-- Name: FUNCTION add(a integer, b integer); Type: COMMENT; Schema: app; Owner: orbit
--

COMMENT ON FUNCTION app.add(a integer, b integer) IS 'adds';


--
-- Name: names(); Type: FUNCTION; Schema: app; Owner: orbit
--

CREATE FUNCTION app.names(OUT id bigint, OUT name text) RETURNS SETOF record
    LANGUAGE sql STABLE
    AS $$SELECT id, name FROM app.customer$$;


ALTER FUNCTION app.names(OUT id bigint, OUT name text) OWNER TO orbit;

--
-- Name: secure(integer, text[]); Type: FUNCTION; Schema: app; Owner: orbit
--

CREATE FUNCTION app.secure(n integer, VARIADIC rest text[]) RETURNS TABLE(a integer, b text)
    LANGUAGE sql STABLE SECURITY DEFINER COST 5 ROWS 7 PARALLEL SAFE
    SET search_path TO 'app', 'pg_temp'
    AS $$ SELECT n, rest[1] $$;


ALTER FUNCTION app.secure(n integer, VARIADIC rest text[]) OWNER TO orbit;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: Odd Name; Type: TABLE; Schema: app; Owner: orbit
--

CREATE TABLE app."Odd Name" (
    "select" integer NOT NULL,
    "Über" app.span,
    "a""b" text DEFAULT 'it''s'::text COLLATE pg_catalog."C"
)
WITH (autovacuum_enabled='false');


ALTER TABLE app."Odd Name" OWNER TO orbit;

--
-- Name: customer; Type: TABLE; Schema: app; Owner: orbit
--

CREATE TABLE app.customer (
    id bigint NOT NULL,
    name text NOT NULL,
    mail app.email,
    m app.mood DEFAULT 'ok'::app.mood,
    a app.addr,
    score numeric(8,2) DEFAULT 1.5,
    tags text[] DEFAULT '{}'::text[],
    j jsonb DEFAULT '{"a": 1}'::jsonb,
    made timestamp with time zone DEFAULT now(),
    CONSTRAINT customer_score_check CHECK ((score >= (0)::numeric))
);


ALTER TABLE app.customer OWNER TO orbit;

--
-- Name: TABLE customer; Type: COMMENT; Schema: app; Owner: orbit
--

COMMENT ON TABLE app.customer IS 'people who buy; it''s';


--
-- Name: COLUMN customer.name; Type: COMMENT; Schema: app; Owner: orbit
--

COMMENT ON COLUMN app.customer.name IS 'full name';


--
-- Name: orders; Type: TABLE; Schema: app; Owner: orbit
--

CREATE TABLE app.orders (
    no integer NOT NULL,
    line integer NOT NULL,
    customer_id bigint NOT NULL,
    qty integer DEFAULT 1,
    price numeric(10,2),
    total numeric GENERATED ALWAYS AS (((qty)::numeric * price)) STORED,
    d date DEFAULT CURRENT_DATE,
    b bytea DEFAULT '\x00ff'::bytea,
    CONSTRAINT qty_even CHECK (((qty % 2) = ANY (ARRAY[0, 1]))) NO INHERIT,
    CONSTRAINT qty_pos CHECK (((qty > 0) AND (qty < 1000)))
);
ALTER TABLE ONLY app.orders ALTER COLUMN qty SET STATISTICS 50;
ALTER TABLE ONLY app.orders ALTER COLUMN b SET STORAGE EXTERNAL;

ALTER TABLE ONLY app.orders REPLICA IDENTITY FULL;


ALTER TABLE app.orders OWNER TO orbit;

--
-- Name: CONSTRAINT qty_pos ON orders; Type: COMMENT; Schema: app; Owner: orbit
--

COMMENT ON CONSTRAINT qty_pos ON app.orders IS 'positive';


--
-- Name: big; Type: VIEW; Schema: app; Owner: orbit
--

CREATE VIEW app.big AS
 SELECT c.id,
    c.name,
    sum(o.total) AS total
   FROM (app.customer c
     JOIN app.orders o ON ((o.customer_id = c.id)))
  WHERE (c.score > (1)::numeric)
  GROUP BY c.id, c.name
 HAVING (count(*) > 1)
  ORDER BY c.name;


ALTER TABLE app.big OWNER TO orbit;

--
-- Name: VIEW big; Type: COMMENT; Schema: app; Owner: orbit
--

COMMENT ON VIEW app.big IS 'big';


--
-- Name: COLUMN big.total; Type: COMMENT; Schema: app; Owner: orbit
--

COMMENT ON COLUMN app.big.total IS 'sum';


--
-- Name: big2; Type: VIEW; Schema: app; Owner: orbit
--

CREATE VIEW app.big2 WITH (security_barrier='true') AS
 SELECT customer.id,
    customer.name
   FROM app.customer
  WHERE (customer.score > (10)::numeric)
  WITH LOCAL CHECK OPTION;


ALTER TABLE app.big2 OWNER TO orbit;

--
-- Name: customer_id_seq; Type: SEQUENCE; Schema: app; Owner: orbit
--

CREATE SEQUENCE app.customer_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER TABLE app.customer_id_seq OWNER TO orbit;

--
-- Name: customer_id_seq; Type: SEQUENCE OWNED BY; Schema: app; Owner: orbit
--

ALTER SEQUENCE app.customer_id_seq OWNED BY app.customer.id;


--
-- Name: mv; Type: MATERIALIZED VIEW; Schema: app; Owner: orbit
--

CREATE MATERIALIZED VIEW app.mv AS
 SELECT customer.id,
    customer.name
   FROM app.customer
  WHERE (customer.name ~~ 'a%'::text)
  WITH NO DATA;


ALTER TABLE app.mv OWNER TO orbit;

--
-- Name: MATERIALIZED VIEW mv; Type: COMMENT; Schema: app; Owner: orbit
--

COMMENT ON MATERIALIZED VIEW app.mv IS 'mv';


--
-- Name: orders_line_seq; Type: SEQUENCE; Schema: app; Owner: orbit
--

ALTER TABLE app.orders ALTER COLUMN line ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME app.orders_line_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: orders_no_seq; Type: SEQUENCE; Schema: app; Owner: orbit
--

ALTER TABLE app.orders ALTER COLUMN no ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME app.orders_no_seq
    START WITH 100
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: plain_seq; Type: SEQUENCE; Schema: app; Owner: orbit
--

CREATE SEQUENCE app.plain_seq
    START WITH 10
    INCREMENT BY 5
    NO MINVALUE
    MAXVALUE 1000
    CACHE 3
    CYCLE;


ALTER TABLE app.plain_seq OWNER TO orbit;

--
-- Name: plain_seq; Type: SEQUENCE OWNED BY; Schema: app; Owner: orbit
--

ALTER SEQUENCE app.plain_seq OWNED BY app.customer.score;


--
-- Name: SEQUENCE plain_seq; Type: COMMENT; Schema: app; Owner: orbit
--

COMMENT ON SEQUENCE app.plain_seq IS 'seq';


--
-- Name: report; Type: VIEW; Schema: app; Owner: orbit
--

CREATE VIEW app.report AS
 WITH recent AS (
         SELECT orders.customer_id,
            max(orders.d) AS last
           FROM app.orders
          GROUP BY orders.customer_id
        )
 SELECT c.name,
    upper((c.mail)::text) AS mail,
        CASE
            WHEN (c.score > (5)::numeric) THEN 'good'::text
            ELSE 'new'::text
        END AS class,
    r.last,
    row_number() OVER (PARTITION BY c.m ORDER BY c.score DESC) AS rank,
    (EXISTS ( SELECT 1
           FROM app.orders o
          WHERE ((o.customer_id = c.id) AND ((o.qty >= 1) AND (o.qty <= 2))))) AS small
   FROM (app.customer c
     LEFT JOIN recent r ON ((r.customer_id = c.id)))
  WHERE ((c.name ~~ 'a%'::text) OR (c.tags && ARRAY['x'::text, 'y'::text]) OR ((c.j ->> 'x'::text) IS NOT NULL))
  ORDER BY (upper((c.mail)::text)) DESC NULLS LAST
 LIMIT 10;


ALTER TABLE app.report OWNER TO orbit;

--
-- Name: scratch; Type: TABLE; Schema: public; Owner: orbit
--

CREATE UNLOGGED TABLE public.scratch (
    x integer,
    y double precision DEFAULT 1.5
)
WITH (fillfactor='70');


ALTER TABLE public.scratch OWNER TO orbit;

--
-- Name: customer id; Type: DEFAULT; Schema: app; Owner: orbit
--

ALTER TABLE ONLY app.customer ALTER COLUMN id SET DEFAULT nextval('app.customer_id_seq'::regclass);


--
-- Data for Name: Odd Name; Type: TABLE DATA; Schema: app; Owner: orbit
--

COPY app."Odd Name" ("select", "Über", "a""b") FROM stdin;
1	[1.5,2)	\N
2	\N	\\N
\.


--
-- Data for Name: customer; Type: TABLE DATA; Schema: app; Owner: orbit
--

COPY app.customer (id, name, mail, m, a, score, tags, j, made) FROM stdin;
1	ann	a@b	ok	("x y",3,z)	1.50	{a,"b c"}	{"x": [1, 2]}	2024-05-06 07:08:09.5+00
2	tab\there\nline\\	q@w	ok	\N	1.50	\N	\N	\N
\.


--
-- Data for Name: orders; Type: TABLE DATA; Schema: app; Owner: orbit
--

COPY app.orders (no, line, customer_id, qty, price, d, b) FROM stdin;
100	1	1	2	3.50	2024-01-02	\\x00ff
101	2	1	3	1.00	2024-01-03	\\x00ff
102	3	2	1	\N	\N	\\x00ff
\.


--
-- Data for Name: scratch; Type: TABLE DATA; Schema: public; Owner: orbit
--

COPY public.scratch (x, y) FROM stdin;
1	2.5
\N	NaN
\.


--
-- Name: customer_id_seq; Type: SEQUENCE SET; Schema: app; Owner: orbit
--

SELECT pg_catalog.setval('app.customer_id_seq', 2, true);


--
-- Name: orders_line_seq; Type: SEQUENCE SET; Schema: app; Owner: orbit
--

SELECT pg_catalog.setval('app.orders_line_seq', 3, true);


--
-- Name: orders_no_seq; Type: SEQUENCE SET; Schema: app; Owner: orbit
--

SELECT pg_catalog.setval('app.orders_no_seq', 102, true);


--
-- Name: plain_seq; Type: SEQUENCE SET; Schema: app; Owner: orbit
--

SELECT pg_catalog.setval('app.plain_seq', 20, true);


--
-- Name: customer customer_name_key; Type: CONSTRAINT; Schema: app; Owner: orbit
--

ALTER TABLE ONLY app.customer
    ADD CONSTRAINT customer_name_key UNIQUE (name);


--
-- Name: customer customer_pkey; Type: CONSTRAINT; Schema: app; Owner: orbit
--

ALTER TABLE ONLY app.customer
    ADD CONSTRAINT customer_pkey PRIMARY KEY (id);

ALTER TABLE app.customer CLUSTER ON customer_pkey;


--
-- Name: customer customer_score_max; Type: CHECK CONSTRAINT; Schema: app; Owner: orbit
--

ALTER TABLE app.customer
    ADD CONSTRAINT customer_score_max CHECK ((score < (1000)::numeric)) NOT VALID;


--
-- Name: Odd Name odd pk; Type: CONSTRAINT; Schema: app; Owner: orbit
--

ALTER TABLE ONLY app."Odd Name"
    ADD CONSTRAINT "odd pk" PRIMARY KEY ("select");


--
-- Name: orders orders_pkey; Type: CONSTRAINT; Schema: app; Owner: orbit
--

ALTER TABLE ONLY app.orders
    ADD CONSTRAINT orders_pkey PRIMARY KEY (no, line);


--
-- Name: customer_lower; Type: INDEX; Schema: app; Owner: orbit
--

CREATE UNIQUE INDEX customer_lower ON app.customer USING btree (lower(name)) WHERE (score > (1)::numeric);


--
-- Name: customer_tags; Type: INDEX; Schema: app; Owner: orbit
--

CREATE INDEX customer_tags ON app.customer USING gin (tags);


--
-- Name: mv_id; Type: INDEX; Schema: app; Owner: orbit
--

CREATE UNIQUE INDEX mv_id ON app.mv USING btree (id);


--
-- Name: odd_idx; Type: INDEX; Schema: app; Owner: orbit
--

CREATE INDEX odd_idx ON app."Odd Name" USING btree ("a""b" text_pattern_ops DESC NULLS LAST, (("select" + 1))) WHERE ("Über" IS NOT NULL);


--
-- Name: orders_cust; Type: INDEX; Schema: app; Owner: orbit
--

CREATE INDEX orders_cust ON app.orders USING btree (customer_id, d DESC);


--
-- Name: INDEX orders_cust; Type: COMMENT; Schema: app; Owner: orbit
--

COMMENT ON INDEX app.orders_cust IS 'an index';


--
-- Name: orders_incl; Type: INDEX; Schema: app; Owner: orbit
--

CREATE INDEX orders_incl ON app.orders USING btree (qty) INCLUDE (price);


--
-- Name: orders orders_customer_id_fkey; Type: FK CONSTRAINT; Schema: app; Owner: orbit
--

ALTER TABLE ONLY app.orders
    ADD CONSTRAINT orders_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES app.customer(id) ON DELETE CASCADE;


--
-- Name: orders orders_self; Type: FK CONSTRAINT; Schema: app; Owner: orbit
--

ALTER TABLE ONLY app.orders
    ADD CONSTRAINT orders_self FOREIGN KEY (no, line) REFERENCES app.orders(no, line) DEFERRABLE INITIALLY DEFERRED;


--
-- Name: SCHEMA app; Type: ACL; Schema: -; Owner: orbit
--

GRANT ALL ON SCHEMA app TO dump_reader WITH GRANT OPTION;


--
-- Name: TYPE mood; Type: ACL; Schema: app; Owner: orbit
--

GRANT ALL ON TYPE app.mood TO dump_reader;


--
-- Name: FUNCTION add(a integer, b integer); Type: ACL; Schema: app; Owner: orbit
--

REVOKE ALL ON FUNCTION app.add(a integer, b integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app.add(a integer, b integer) TO dump_reader;


--
-- Name: FUNCTION secure(n integer, VARIADIC rest text[]); Type: ACL; Schema: app; Owner: orbit
--

GRANT ALL ON FUNCTION app.secure(n integer, VARIADIC rest text[]) TO dump_reader WITH GRANT OPTION;


--
-- Name: TABLE "Odd Name"; Type: ACL; Schema: app; Owner: orbit
--

GRANT SELECT ON TABLE app."Odd Name" TO dump_reader;


--
-- Name: TABLE customer; Type: ACL; Schema: app; Owner: orbit
--

GRANT SELECT,INSERT ON TABLE app.customer TO dump_reader;


--
-- Name: COLUMN customer.name; Type: ACL; Schema: app; Owner: orbit
--

GRANT UPDATE(name) ON TABLE app.customer TO dump_reader WITH GRANT OPTION;


--
-- Name: SEQUENCE plain_seq; Type: ACL; Schema: app; Owner: orbit
--

GRANT USAGE ON SEQUENCE app.plain_seq TO dump_reader;


--
-- Name: TABLE report; Type: ACL; Schema: app; Owner: orbit
--

GRANT SELECT ON TABLE app.report TO dump_reader;


--
-- Name: DEFAULT PRIVILEGES FOR TABLES; Type: DEFAULT ACL; Schema: app; Owner: orbit
--

ALTER DEFAULT PRIVILEGES FOR ROLE orbit IN SCHEMA app GRANT SELECT ON TABLES  TO dump_reader;


--
-- Name: mv; Type: MATERIALIZED VIEW DATA; Schema: app; Owner: orbit
--

REFRESH MATERIALIZED VIEW app.mv;


--
-- PostgreSQL database dump complete
--


