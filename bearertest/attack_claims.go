package bearertest

import (
	"encoding/json"
	"strings"
	"time"
)

// timeRows are signed by the issuer, and not valid at this time.
func (a *assault) timeRows() []row {
	required := rule{
		source: "RFC 9068 sections 2.2 and 4",
		change: "Require exp in every access token. In bearerkit, every profile does.",
	}
	number := rule{
		source: "RFC 7519 sections 2, 4.1.4, 4.1.5 and 4.1.6: a NumericDate is a JSON number. The table is stricter: dates must not be negative " +
			"or after the year 9999, because they overflow in some programs",
		change: "Decode times as numbers in a range that your language can represent, and reject everything else.",
	}
	expired := rule{
		source: "RFC 7519 section 4.1.4: a token must be rejected on or after exp, with a leeway of no more than a few minutes",
		change: "Compare exp with the current time, and tolerate a few seconds (consumer.Config.ClockSkew).",
	}
	early := rule{
		source: "RFC 7519 section 4.1.5",
		change: "Compare nbf with the current time, and tolerate a few seconds (consumer.Config.ClockSkew).",
	}
	issued := rule{
		source: "stricter than the specifications: a token of the future comes from a wrong clock, or from a date in milliseconds",
		change: "Reject tokens whose iat is in the future (consumer.Config.ClockSkew).",
	}
	future := func(name string) func(c *check) {
		return func(c *check) {
			c.reject(name+" in an hour", c.token().Set(name, time.Now().Add(time.Hour).Unix()))
			c.reject(name+" just after the tolerance", c.token().Set(name, time.Now().Add(c.target.skew()+10*time.Second).Unix()))
			c.reject(name+" in milliseconds", c.token().Set(name, time.Now().UnixMilli()))
		}
	}
	return []row{
		{"13_exp_absent", required, func(c *check) {
			c.reject("no exp", c.token().Set("exp", Absent))
			c.reject("exp is null", c.token().Set("exp", nil))
		}},
		{"13_exp_in_the_past", expired, expiredTokens},
		{"13_exp_is_not_a_date", number, func(c *check) { notADate(c, "exp") }},
		{"13_nbf_in_the_future", early, future("nbf")},
		{"13_nbf_is_not_a_date", number, func(c *check) { notADate(c, "nbf") }},
		{"13_iat_in_the_future", issued, future("iat")},
		{"13_iat_is_not_a_date", number, func(c *check) { notADate(c, "iat") }},
	}
}

// expiredTokens sends dates in the past. Some programs take zero, fractions and negative numbers for a token that never expires. iat is
// absent, so that only exp can be the reason for a rejection.
func expiredTokens(c *check) {
	// Tokens are signed when the row runs, so the dates also fit the virtual time of a synctest bubble.
	now := time.Now()
	for what, exp := range map[string]any{
		"an hour ago": now.Add(-time.Hour).Unix(), "at the end of the tolerance": now.Add(-c.target.skew()).Unix(), "at zero": 0,
		"in 1970": json.RawMessage("0.5"), "with an exponent": json.RawMessage("9e8"), "before 1970": -1,
	} {
		c.reject("exp: "+what, c.token().Set("exp", exp).Set("iat", Absent))
	}
}

// notADate sends values that are not numbers, and numbers that overflow when a program converts them to a time.
func notADate(c *check, name string) {
	// 253402300800 is the first second of the year 10000, and 9223372036854775808 is 2^63.
	for _, text := range []string{`"4102444800"`, `""`, "true", "[]", "{}", "[4102444800]", "1e300", "-1e300", "1e400", "253402300800", "9223372036854775808"} {
		c.reject(name+" is "+text, c.token().Set(name, json.RawMessage(text)))
	}
}

// audience returns one audience of the valid token, or "". The claim has the Go type that Target.Token has set, or the one of
// encoding/json.
func (a *assault) audience() string {
	switch aud := a.token().claims["aud"].(type) {
	case string:
		return aud
	case []string:
		if len(aud) > 0 {
			return aud[0]
		}
	case []any:
		if len(aud) > 0 {
			first, _ := aud[0].(string)
			return first
		}
	}
	return ""
}

// audienceRows are for other APIs, or for an unclear one.
func (a *assault) audienceRows() []row {
	required := rule{
		source: "RFC 9068 section 4, RFC 7519 section 4.1.3, RFC 8725 section 3.9",
		change: "Require aud to contain the identifier of this API, byte for byte (consumer.Config.Audience).",
	}
	types := rule{
		source: "RFC 7519 section 4.1.3: aud is a string, or an array of strings",
		change: "Reject tokens whose aud has another type. Never convert it to a string to compare it.",
	}
	// If the valid token has no aud, the deployment does not check it.
	with := func(test func(c *check, aud string)) func(c *check) {
		return func(c *check) {
			if aud := c.audience(); aud != "" {
				test(c, aud)
				return
			}
			c.skip("the valid token has no aud")
		}
	}
	return []row{
		{"20_aud_absent", required, with(func(c *check, _ string) {
			for what, aud := range map[string]any{"absent": Absent, "null": nil, "empty": "", "an empty array": []string{}} {
				c.reject("aud: "+what, c.token().Set("aud", aud))
			}
		})},
		{"20_aud_of_another_type", types, with(func(c *check, aud string) {
			for what, value := range map[string]any{
				"an object": map[string]any{aud: true}, "true": true, "a number": 1, "a nested array": []any{[]string{aud}},
				"an array with a number": []any{aud, 1},
			} {
				c.reject("aud: "+what, c.token().Set("aud", value))
			}
		})},
		{"25_aud_of_another_API", required, with(otherAudience)},
		{"25_aud_is_similar", required, with(similarAudience)},
	}
}

// otherAudience sends tokens for other APIs, and wildcards. The issuer signs tokens for many APIs, so the signature is right.
func otherAudience(c *check, _ string) {
	c.reject("another API", c.token().Set("aud", "https://other.test"))
	c.reject("several other APIs", c.token().Set("aud", []string{"https://other.test", "https://third.test"}))
	c.reject("the issuer itself", c.token().Set("aud", c.issuer.url))
	c.reject("a wildcard", c.token().Set("aud", []string{"*", ".*", "%"}))
}

// similarAudience sends texts that a comparison by prefix, substring or pattern accepts, and texts that are equal only after
// normalization. Each of them may be the name of another API.
func similarAudience(c *check, aud string) {
	for what, value := range map[string]string{
		"a longer one": aud + "/admin", "a prefix": aud[:len(aud)-1], "a suffix": aud[1:], "with a slash": aud + "/", "with a space": aud + " ",
		"in a longer text": "https://attacker.test/?" + aud, "with a dot": aud + ".attacker.test", "two in one string": aud + " https://other.test",
		"separated by a comma": "https://other.test," + aud, "with a zero byte": aud + "\x00",
	} {
		c.reject("aud: "+what, c.token().Set("aud", value))
	}
	if upper := strings.ToUpper(aud); upper != aud {
		c.reject("aud: in upper case", c.token().Set("aud", upper))
	}
}

// issuerRows name another issuer, or a text that is similar to the identifier of the trusted one.
func (a *assault) issuerRows() []row {
	equal := rule{
		source: "RFC 9068 section 4, RFC 7519 section 4.1.1, RFC 8725 section 3.8",
		change: "Require iss to be equal to the identifier of the issuer, byte for byte (consumer.Config.Issuer). Do not normalize, and do not match a prefix.",
	}
	pool := rule{
		source: "RFC 8725 section 3.8",
		change: "Verify a token only with the keys of the issuer that it names. With several issuers, keep a key set for each (consumer.GroupConfig.Consumers).",
	}
	return []row{
		{"21_iss_absent", equal, func(c *check) {
			for what, iss := range map[string]any{"absent": Absent, "null": nil, "empty": ""} {
				c.reject("iss: "+what, c.token().Set("iss", iss))
			}
		}},
		{"21_iss_of_another_type", equal, func(c *check) {
			iss := c.issuer.url
			for what, value := range map[string]any{"an array": []string{iss}, "an object": map[string]any{iss: true}, "a number": 1, "true": true} {
				c.reject("iss: "+what, c.token().Set("iss", value))
			}
		}},
		{"21_iss_is_similar", equal, similarIssuer},
		{"22_iss_normalized", equal, normalizedIssuer},
		{"23_key_of_another_issuer", pool, func(c *check) {
			alg := c.token().algorithm
			_, key := c.stranger.signingKey(alg)
			c.reject("another issuer, signed by that issuer", c.token().Set("iss", "https://attacker.test").SignWith(alg, key))
			c.reject("another issuer, signed by the trusted one", c.token().Set("iss", "https://attacker.test"))
		}},
	}
}

// similarIssuer sends issuers that contain the trusted one, or begin or end like it. An attacker can own such a host or path.
func similarIssuer(c *check) {
	iss := c.issuer.url
	for what, value := range map[string]string{
		"longer": iss + ".attacker.test", "a prefix": iss[:len(iss)-1], "as user info": iss + "@attacker.test", "a path": iss + "/tenant",
		"in a query": "https://attacker.test/?" + iss, "in a path": "https://attacker.test/" + iss, "with a zero byte": iss + "\x00",
		"with a line feed": iss + "\n", "with a space": " " + iss,
	} {
		c.reject("iss: "+what, c.token().Set("iss", value))
	}
}

// normalizedIssuer sends URLs that are equal to the trusted issuer only after normalization. Issuers are compared byte for byte, so
// these are other issuers.
func normalizedIssuer(c *check) {
	iss := c.issuer.url
	slash := iss + "/"
	if strings.HasSuffix(iss, "/") {
		slash = strings.TrimSuffix(iss, "/")
	}
	scheme, host, _ := strings.Cut(iss, "://")
	for what, value := range map[string]string{
		"a slash more or less": slash, "upper case": strings.ToUpper(iss), "scheme in upper case": strings.ToUpper(scheme) + "://" + host,
		"without the scheme": host, "an empty fragment": iss + "#", "an empty query": iss + "?", "a dot segment": iss + "/.",
		"an encoded character": scheme + "://" + "%" + strings.ToUpper(hex(host[0])) + host[1:],
	} {
		if value != iss {
			c.reject("iss: "+what, c.token().Set("iss", value))
		}
	}
}
