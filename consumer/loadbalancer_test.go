package consumer_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
)

const signer = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/orders/fedcba9876543210"

// balanced returns a token as an Application Load Balancer makes it, without padding.
func balanced(issuer *bearertest.Issuer) *bearertest.Token {
	exp := time.Now().Add(time.Hour).Unix()
	return issuer.Token("JWT", map[string]any{"sub": "user-1", "email": "alice@mail.example", "exp": exp, "iss": issuerURL}).
		SetHeader("signer", signer).SetHeader("client", "client-1").SetHeader("iss", issuerURL).SetHeader("exp", exp)
}

// withPadding signs the token with padding in all segments.
func withPadding(token *bearertest.Token) string {
	raw := token.EditInput(func(input []byte) []byte {
		segments := bytes.Split(input, []byte("."))
		for i, segment := range segments {
			segments[i] = []byte(pad(string(segment)))
		}
		return bytes.Join(segments, []byte("."))
	}).Sign()
	end := strings.LastIndex(raw, ".") + 1
	return raw[:end] + pad(raw[end:])
}

func pad(segment string) string {
	return segment + strings.Repeat("=", (4-len(segment)%4)%4)
}

func balancer(t *testing.T, issuer *bearertest.Issuer) consumer.Config {
	t.Helper()
	cfg := offline(t, issuer)
	cfg.Profile, cfg.Audience = consumer.ProfileAWSALB, []string{signer}
	return cfg
}

func TestAWSALB(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	cfg := balancer(t, issuer)
	cfg.ClientIDs = []string{"client-1"}
	c := newConsumer(t, cfg)
	raw := withPadding(balanced(issuer))
	if !strings.Contains(raw, "=") {
		t.Fatal("the token has no padding")
	}
	token := accept(t, c, raw)
	if token.ClientID() != "client-1" || token.Subject() != "user-1" || token.Issuer() != issuerURL || token.Audience()[0] != signer {
		t.Errorf("got %v, subject %q, audience %q", token, token.Subject(), token.Audience())
	}
	if !remembers(t, c, raw) {
		t.Error("the token is not cached")
	}
	accept(t, c, balanced(issuer).Sign()) // without padding
	accept(t, c, withPadding(balanced(issuer).Set("iss", bearertest.Absent).Set("exp", bearertest.Absent)))
	accept(t, c, withPadding(balanced(issuer).SetHeader("iss", bearertest.Absent).SetHeader("exp", bearertest.Absent)))
	accept(t, c, withPadding(balanced(issuer).Set("aud", "anything of the identity provider")))
	accept(t, c, withPadding(balanced(issuer).Set("auth_time", time.Now().Unix())))

	past := time.Now().Add(-time.Hour).Unix()
	for name, test := range map[string]struct {
		token *bearertest.Token
		want  consumer.Reason
	}{
		"another load balancer":     {balanced(issuer).SetHeader("signer", strings.Replace(signer, "orders", "evil", 1)), consumer.ReasonAudience},
		"longer signer":             {balanced(issuer).SetHeader("signer", signer+"f"), consumer.ReasonAudience},
		"without signer":            {balanced(issuer).SetHeader("signer", bearertest.Absent), consumer.ReasonAudience},
		"signer is null":            {balanced(issuer).SetHeader("signer", nil), consumer.ReasonAudience},
		"signer is an array":        {balanced(issuer).SetHeader("signer", []string{signer}), consumer.ReasonAudience},
		"signer in the payload":     {balanced(issuer).SetHeader("signer", bearertest.Absent).Set("signer", signer), consumer.ReasonAudience},
		"aud in the payload":        {balanced(issuer).SetHeader("signer", bearertest.Absent).Set("aud", signer), consumer.ReasonAudience},
		"another client":            {balanced(issuer).SetHeader("client", "client-2"), consumer.ReasonClaims},
		"client in the payload":     {balanced(issuer).SetHeader("client", bearertest.Absent).Set("client", "client-1"), consumer.ReasonClaims},
		"client is empty":           {balanced(issuer).SetHeader("client", ""), consumer.ReasonClaims},
		"another issuer":            {balanced(issuer).SetHeader("iss", "https://other.test"), consumer.ReasonIssuer},
		"another issuer in payload": {balanced(issuer).Set("iss", "https://other.test"), consumer.ReasonIssuer},
		"no issuer":                 {balanced(issuer).Set("iss", bearertest.Absent).SetHeader("iss", bearertest.Absent), consumer.ReasonIssuer},
		"iss is null":               {balanced(issuer).SetHeader("iss", nil), consumer.ReasonIssuer},
		"expired":                   {balanced(issuer).SetHeader("exp", past).Set("exp", past), consumer.ReasonExpired},
		"expired in the header":     {balanced(issuer).SetHeader("exp", past), consumer.ReasonExpired},
		"expired in the payload":    {balanced(issuer).Set("exp", past), consumer.ReasonExpired},
		"no expiry":                 {balanced(issuer).Set("exp", bearertest.Absent).SetHeader("exp", bearertest.Absent), consumer.ReasonClaims},
		"exp is a string":           {balanced(issuer).SetHeader("exp", "1"), consumer.ReasonClaims},
		"exp is null":               {balanced(issuer).SetHeader("exp", nil), consumer.ReasonClaims},
		"exp is zero":               {balanced(issuer).SetHeader("exp", 0), consumer.ReasonClaims},
		"without sub":               {balanced(issuer).Set("sub", bearertest.Absent), consumer.ReasonClaims},
		"logout token":              {balanced(issuer).Set("events", map[string]any{"e": 1}), consumer.ReasonType},
		"typ at+jwt":                {balanced(issuer).SetHeader("typ", "at+jwt"), consumer.ReasonType},
		"crit":                      {balanced(issuer).SetHeader("crit", []string{"signer"}), consumer.ReasonCritical},
		"another key":               {balanced(newIssuer()), consumer.ReasonSignature},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := reject(t, c, withPadding(test.token), test.want)
			if test.want == consumer.ReasonAudience && (!strings.HasPrefix(err.Detail, `signer "`) || !strings.Contains(err.Detail, "Config.Audience")) {
				t.Errorf("Detail is %q, want one about signer and Config.Audience", err.Detail)
			}
		})
	}
}

// Padding must be that of base64url, and it is part of what is signed.
func TestAWSALB_Padding(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	c := newConsumer(t, balancer(t, issuer))
	raw := withPadding(balanced(issuer).SetHeader("n", "1"))
	header, rest, _ := strings.Cut(raw, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	accept(t, c, raw)
	// The signature covers the padding of header and payload.
	if stripped := strings.TrimRight(header, "="); stripped != header {
		reject(t, c, stripped+"."+payload+"."+signature, consumer.ReasonSignature)
	}
	for name, changed := range map[string]string{
		"too much":            header + "." + payload + "." + signature + "====",
		"one more":            header + "." + payload + "." + signature + "=",
		"one less":            strings.TrimSuffix(raw, "="),
		"only padding":        "====." + payload + "." + signature,
		"in the middle":       header[:4] + "=" + header[4:] + "." + payload + "." + signature,
		"another alphabet":    header + "." + payload + "." + base64.StdEncoding.EncodeToString([]byte{0xfb, 0xff, 0xfe}),
		"space":               raw + " ",
		"percent-encoded":     strings.ReplaceAll(raw, "=", "%3D"),
		"four segments":       raw + "." + signature,
		"no signature":        header + "." + payload + ".",
		"padding, no content": header + "." + payload + ".==",
	} {
		if changed == raw {
			continue
		}
		if _, err := c.Verify(t.Context(), changed); err == nil {
			t.Errorf("%s: accepted %s", name, changed)
		}
	}
}

// No other profile accepts padding, or reads claims from the header.
func TestAWSALB_OnlyThisProfile(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	cfg := offline(t, issuer)
	reject(t, newConsumer(t, cfg), withPadding(issuer.AccessToken().SetHeader("n", "1")), consumer.ReasonMalformed)
	cfg.Audience = []string{signer}
	reject(t, newConsumer(t, cfg), balanced(issuer).Sign(), consumer.ReasonAudience)
}

func TestAWSALB_NotInGroup(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	_, err := consumer.NewGroup(consumer.GroupConfig{Consumers: []*consumer.Consumer{newConsumer(t, balancer(t, issuer))}})
	if err == nil || !strings.Contains(err.Error(), "GroupConfig.Consumers[0] has the profile aws-alb") {
		t.Errorf("got %v", err)
	}
}

// The audience is required even with InsecureNoAudience: nothing else shows that the load balancer is yours.
func TestAWSALB_InsecureNoAudience(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	cfg := balancer(t, issuer)
	cfg.InsecureNoAudience, cfg.ClientIDs = true, []string{"client-1"}
	c := newConsumer(t, cfg)
	accept(t, c, withPadding(balanced(issuer)))
	reject(t, c, withPadding(balanced(issuer).SetHeader("signer", bearertest.Absent)), consumer.ReasonAudience)
	reject(t, c, withPadding(balanced(issuer).SetHeader("signer", signer+"f")), consumer.ReasonAudience)
}
