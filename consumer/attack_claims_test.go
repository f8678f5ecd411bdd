package consumer_test

import (
	"encoding/json"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
)

// claimAttacks are signed by the issuer, and have claims that are not acceptable.
func claimAttacks() []attack {
	number := func(name, text string) edit { return claim(name, json.RawMessage(text)) }
	hour := time.Hour
	in := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	rows := []attack{
		{name: "Attack47_no_exp", want: consumer.ReasonClaims, spoil: claim("exp", bearertest.Absent)},
		{name: "Attack47_no_aud", want: consumer.ReasonAudience, spoil: claim("aud", bearertest.Absent)},
		{name: "Attack47_number_for_sub", want: consumer.ReasonClaims, spoil: claim("sub", 1)},
		{name: "Attack47_list_for_client", want: consumer.ReasonClaims, spoil: claim("client_id", []string{"client"})},
		{name: "Attack47_number_for_jti", want: consumer.ReasonClaims, spoil: claim("jti", 1)},
		{name: "Attack47_number_for_scope", want: consumer.ReasonClaims, spoil: claim("scope", 1)},
		{name: "Attack47_numbers_for_scope", want: consumer.ReasonClaims, spoil: claim("scope", []int{1})},
		{name: "Attack26_string_for_cnf", want: consumer.ReasonClaims, spoil: claim("cnf", "jkt")},
		{name: "Attack26_null_for_cnf", want: consumer.ReasonClaims, spoil: claim("cnf", nil)},
		{name: "Attack13_expired", want: consumer.ReasonExpired, spoil: claim("exp", in(-hour))},
		{name: "Attack13_exp_long_ago", want: consumer.ReasonExpired, spoil: number("exp", "0.5")},
		{name: "Attack13_not_yet", want: consumer.ReasonNotYetValid, spoil: claim("nbf", in(hour))},
		{name: "Attack13_issued_tomorrow", want: consumer.ReasonIssuedInFuture, spoil: claim("iat", in(24*hour))},
		{name: "Attack20_aud_object", want: consumer.ReasonClaims, spoil: claim("aud", map[string]any{audience: true})},
		{name: "Attack20_aud_number", want: consumer.ReasonClaims, spoil: claim("aud", 1)},
		{name: "Attack20_aud_null", want: consumer.ReasonAudience, spoil: claim("aud", nil)},
		{name: "Attack20_aud_mixed", want: consumer.ReasonClaims, spoil: claim("aud", []any{audience, 1})},
		{name: "Attack20_aud_nested", want: consumer.ReasonClaims, spoil: claim("aud", []any{[]string{audience}})},
		{name: "Attack20_aud_empty_list", want: consumer.ReasonAudience, spoil: claim("aud", []string{})},
		{name: "Attack20_aud_empty", want: consumer.ReasonAudience, spoil: claim("aud", "")},
		{name: "Attack25_aud_of_another_API", want: consumer.ReasonAudience, spoil: claim("aud", "https://other.test")},
		{name: "Attack25_aud_prefix", want: consumer.ReasonAudience, spoil: claim("aud", audience+"/admin")},
		{name: "Attack25_aud_shorter", want: consumer.ReasonAudience, spoil: claim("aud", "https://api.tes")},
		{name: "Attack25_aud_case", want: consumer.ReasonAudience, spoil: claim("aud", "https://API.test")},
		{name: "Attack25_aud_slash", want: consumer.ReasonAudience, spoil: claim("aud", audience+"/")},
		{name: "Attack25_aud_in_one_string", want: consumer.ReasonAudience, spoil: claim("aud", audience+" https://b.test")},
		{name: "Attack25_aud_with_a_space", want: consumer.ReasonAudience, spoil: claim("aud", audience+" ")},
	}
	for _, text := range []string{"null", "0", "-1", "1e-400"} { // of nbf and iat, these are absent or long past
		rows = append(rows, attack{name: "Attack13_exp_" + text, want: consumer.ReasonClaims, spoil: number("exp", text)})
	}
	for _, name := range []string{"exp", "nbf", "iat"} {
		for _, text := range []string{
			"-1e300", "-62135596801", `"4102444800"`, `""`, "true", "[]", "{}", "[4102444800]", "1e300", "1e400", "-1e400",
			"253402300800", `"NaN"`,
		} {
			rows = append(rows, attack{
				name: "Attack13_" + name + "_" + text, want: consumer.ReasonClaims, spoil: number(name, text),
			})
		}
	}
	for name, iss := range map[string]any{
		"Attack21_absent": bearertest.Absent, "Attack21_null": nil, "Attack21_empty": "", "Attack21_number": 1,
		"Attack21_list": []string{issuerURL}, "Attack21_object": map[string]any{issuerURL: true},
		"Attack21_longer": issuerURL + ".impostor.test", "Attack21_prefix": issuerURL[:len(issuerURL)-1],
		"Attack21_in_another": "https://impostor.test/?" + issuerURL, "Attack21_user_info": "https://issuer.test@impostor.test",
		"Attack21_NUL": issuerURL + "\x00", "Attack21_line_feed": issuerURL + "\n",
		"Attack22_slash": issuerURL + "/", "Attack22_case": "https://Issuer.test", "Attack22_scheme_case": "HTTPS://issuer.test",
		"Attack22_port": issuerURL + ":443", "Attack22_dot": issuerURL + "./", "Attack22_http": "http://issuer.test",
		"Attack22_punycode": "https://xn--issuer-6ra.test", "Attack22_homograph": "https://\u0456ssuer.test",
		"Attack22_path": issuerURL + "/..", "Attack22_encoded": "https://%69ssuer.test", "Attack22_fragment": issuerURL + "#",
		"Attack31_loopback": "http://127.0.0.1/", "Attack31_metadata_service": "http://169.254.169.254/",
	} {
		rows = append(rows, attack{name: name, want: consumer.ReasonIssuer, spoil: claim("iss", iss)})
	}
	for i := range rows {
		rows[i].early = true
	}
	return rows
}

// kindAttacks are other kinds of token of the same issuer, all with this API's audience.
func kindAttacks() []attack {
	rows := []attack{
		{name: "Attack24_nonce", spoil: claim("nonce", "n")},
		{name: "Attack24_at_hash", spoil: claim("at_hash", "h")},
		{name: "Attack24_c_hash", spoil: claim("c_hash", "h")},
		{name: "Attack24_s_hash", spoil: claim("s_hash", "h")},
		{name: "Attack24_events", spoil: claim("events", map[string]any{})},
		{name: "Attack24_introspection", spoil: claim("token_introspection", map[string]any{"active": true})},
		{name: "Attack24_DPoP_method", spoil: claim("htm", "GET")},
		{name: "Attack24_DPoP_URI", spoil: claim("htu", audience)},
	}
	for _, name := range []string{"auth_time", "amr"} {
		rows = append(rows, attack{name: "Attack24_" + name + "_alone", spoil: func(token *bearertest.Token) *bearertest.Token {
			return token.Set(name, 1).Set("jti", bearertest.Absent).Set("scope", bearertest.Absent)
		}})
	}
	for name, kinds := range map[string][]string{
		"type": {"id", "refresh", "ID", "Refresh"}, "token_use": {"id", "refresh"}, "typ": {"ID", "Refresh", "Offline", "Logout"},
		"token_type": {"id_token", "refresh", "refresh_token"},
	} {
		for _, kind := range kinds {
			rows = append(rows, attack{name: "Attack24_" + name + "_" + kind, spoil: claim(name, kind)})
		}
	}
	for _, typ := range []string{
		"logout+jwt", "dpop+jwt", "token-introspection+jwt", "secevent+jwt", "id_token+jwt", "rt+jwt", "JOSE", "jwe", "at",
		"at+jwt ", "text/at+jwt", "application/application/at+jwt", "at+jwt; charset=utf-8", "at+jwt+json", "\u0430t+jwt",
	} {
		rows = append(rows, attack{name: "Attack24_" + typ, spoil: header("typ", typ)})
	}
	for _, typ := range []any{1, []string{"at+jwt"}, true} {
		rows = append(rows, attack{name: "Attack24_typ_of_another_type", spoil: header("typ", typ)})
	}
	for i := range rows {
		rows[i].want, rows[i].early = consumer.ReasonType, true
	}
	return rows
}
