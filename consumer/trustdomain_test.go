package consumer_test

import (
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
)

const (
	trustDomain = "spiffe://example.org"
	workload    = trustDomain + "/ns/shop/sa/orders"
)

// svid returns a JWT-SVID with the claims that the specification requires, and no other.
func svid(issuer *bearertest.Issuer) *bearertest.Token {
	return issuer.Token("", map[string]any{
		"sub": workload, "aud": []string{audience}, "exp": time.Now().Add(time.Hour).Unix(),
	})
}

func spiffe(t *testing.T, issuer *bearertest.Issuer) consumer.Config {
	t.Helper()
	cfg := offline(t, issuer)
	cfg.Issuer, cfg.Profile = trustDomain, consumer.ProfileSPIFFE
	return cfg
}

func TestCaseT4_T13_SPIFFE(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	c := newConsumer(t, spiffe(t, issuer))
	token := accept(t, c, svid(issuer).Sign())
	if token.Issuer() != trustDomain || token.Subject() != workload || token.Principal() != consumer.PrincipalClient || token.ClientID() != "" {
		t.Errorf("got %v, subject %q, principal %v", token, token.Subject(), token.Principal())
	}
	for name, raw := range map[string]string{
		"with iss":           svid(issuer).Set("iss", "https://oidc.example.org").Sign(),
		"with iat":           svid(issuer).Set("iat", time.Now().Unix()).Sign(),
		"typ JWT":            svid(issuer).SetHeader("typ", "JWT").Sign(),
		"typ JOSE":           svid(issuer).SetHeader("typ", "JOSE").Sign(),
		"short path":         svid(issuer).Set("sub", trustDomain+"/a").Sign(),
		"all characters":     svid(issuer).Set("sub", trustDomain+"/A.z-0_9/..a/...").Sign(),
		"string as audience": svid(issuer).Set("aud", audience).Sign(),
	} {
		if _, err := c.Verify(t.Context(), raw); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, test := range map[string]struct {
		raw  string
		want consumer.Reason
	}{
		"without sub":            {svid(issuer).Set("sub", bearertest.Absent).Sign(), consumer.ReasonIssuer},
		"sub is null":            {svid(issuer).Set("sub", nil).Sign(), consumer.ReasonIssuer},
		"sub is an array":        {svid(issuer).Set("sub", []string{workload}).Sign(), consumer.ReasonIssuer},
		"another trust domain":   {svid(issuer).Set("sub", "spiffe://evil.org/ns/shop").Sign(), consumer.ReasonIssuer},
		"longer trust domain":    {svid(issuer).Set("sub", "spiffe://example.org.evil.org/a").Sign(), consumer.ReasonIssuer},
		"shorter trust domain":   {svid(issuer).Set("sub", "spiffe://example.or/g/a").Sign(), consumer.ReasonIssuer},
		"upper case":             {svid(issuer).Set("sub", "spiffe://Example.org/a").Sign(), consumer.ReasonIssuer},
		"upper-case scheme":      {svid(issuer).Set("sub", "SPIFFE://example.org/a").Sign(), consumer.ReasonIssuer},
		"no path":                {svid(issuer).Set("sub", trustDomain).Sign(), consumer.ReasonIssuer},
		"empty path":             {svid(issuer).Set("sub", trustDomain+"/").Sign(), consumer.ReasonIssuer},
		"empty segment":          {svid(issuer).Set("sub", trustDomain+"//a").Sign(), consumer.ReasonIssuer},
		"slash at the end":       {svid(issuer).Set("sub", workload+"/").Sign(), consumer.ReasonIssuer},
		"dot segment":            {svid(issuer).Set("sub", trustDomain+"/./a").Sign(), consumer.ReasonIssuer},
		"dot-dot segment":        {svid(issuer).Set("sub", trustDomain+"/../a").Sign(), consumer.ReasonIssuer},
		"percent sign":           {svid(issuer).Set("sub", trustDomain+"/a%2fb").Sign(), consumer.ReasonIssuer},
		"port":                   {svid(issuer).Set("sub", "spiffe://example.org:1/a").Sign(), consumer.ReasonIssuer},
		"user information":       {svid(issuer).Set("sub", "spiffe://example.org@evil.org/a").Sign(), consumer.ReasonIssuer},
		"query":                  {svid(issuer).Set("sub", workload+"?a").Sign(), consumer.ReasonIssuer},
		"fragment":               {svid(issuer).Set("sub", workload+"#a").Sign(), consumer.ReasonIssuer},
		"too long":               {svid(issuer).Set("sub", trustDomain+"/"+strings.Repeat("a", 2048)).Sign(), consumer.ReasonIssuer},
		"https":                  {svid(issuer).Set("sub", "https://example.org/a").Sign(), consumer.ReasonIssuer},
		"iss is the domain only": {svid(issuer).Set("iss", trustDomain).Set("sub", "alice").Sign(), consumer.ReasonIssuer},
		"iss is null":            {svid(issuer).Set("iss", nil).Sign(), consumer.ReasonIssuer},
		"iss is a number":        {svid(issuer).Set("iss", 1).Sign(), consumer.ReasonIssuer},
		"without aud":            {svid(issuer).Set("aud", bearertest.Absent).Sign(), consumer.ReasonAudience},
		"another audience":       {svid(issuer).Set("aud", "spiffe://example.org/other").Sign(), consumer.ReasonAudience},
		"without exp":            {svid(issuer).Set("exp", bearertest.Absent).Sign(), consumer.ReasonClaims},
		"expired":                {svid(issuer).Set("exp", time.Now().Add(-time.Hour).Unix()).Sign(), consumer.ReasonExpired},
		"typ at+jwt":             {svid(issuer).SetHeader("typ", "at+jwt").Sign(), consumer.ReasonType},
		"ID token":               {svid(issuer).Set("nonce", "n").Sign(), consumer.ReasonType},
		"another key":            {svid(newIssuer()).Sign(), consumer.ReasonSignature},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reject(t, c, test.raw, test.want)
		})
	}
}

// A token without iss is accepted by no other profile, whatever its sub is.
func TestCaseT13_OnlySPIFFEReadsTheTrustDomain(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	for _, issuerName := range []string{issuerURL, trustDomain} {
		cfg := offline(t, issuer)
		cfg.Issuer = issuerName
		reject(t, newConsumer(t, cfg), svid(issuer).Sign(), consumer.ReasonIssuer)
	}
}

// A Group selects the Consumer by the trust domain if the token has no iss.
func TestSPIFFEInGroup(t *testing.T) {
	t.Parallel()
	issuer, other := newIssuer(), newIssuer()
	foreign := spiffe(t, other)
	foreign.Issuer = "spiffe://other.org"
	g := newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{
		newConsumer(t, spiffe(t, issuer)), newConsumer(t, foreign), newConsumer(t, offline(t, issuer)),
	}})
	if token := accept(t, g, svid(issuer).Sign()); token.Issuer() != trustDomain {
		t.Errorf("issuer %q", token.Issuer())
	}
	accept(t, g, svid(other).Set("sub", "spiffe://other.org/a").Sign())
	accept(t, g, issuer.AccessToken().Sign())
	reject(t, g, svid(other).Sign(), consumer.ReasonSignature) // keys belong to one trust domain
	// No error quotes a part of sub.
	err := reject(t, g, svid(issuer).Set("sub", "spiffe://third.org/a").Sign(), consumer.ReasonIssuer)
	if strings.Contains(err.Error(), "third") || !strings.Contains(err.LogDetail(), "the trust domain is not accepted (GroupConfig.Consumers") {
		t.Errorf("error %q, want one about the trust domain that does not quote sub", err)
	}
	reject(t, g, svid(issuer).Set("iss", nil).Sign(), consumer.ReasonIssuer)
	reject(t, g, svid(issuer).Set("iss", "https://oidc.example.org").Sign(), consumer.ReasonIssuer)
	reject(t, g, issuer.AccessToken().Set("iss", bearertest.Absent).Sign(), consumer.ReasonIssuer)
	// With iss, the Consumer of that issuer decides.
	reject(t, g, svid(other).Set("iss", issuerURL).Sign(), consumer.ReasonSignature)
}

func TestSPIFFEConfigFaults(t *testing.T) {
	t.Parallel()
	for _, domain := range []string{
		"", "example.org", "https://example.org", "spiffe://", "spiffe://example.org/", "spiffe://example.org/ns", "spiffe://Example.org",
		"spiffe://example.org:8080", "spiffe://" + strings.Repeat("a", 256),
	} {
		cfg := spiffe(t, newIssuer())
		cfg.Issuer = domain
		if _, err := consumer.New(cfg); err == nil || !strings.Contains(err.Error(), "consumer: Config.Issuer") {
			t.Errorf("Issuer %q: %v", domain, err)
		}
	}
	cfg := spiffe(t, newIssuer())
	cfg.Keys = nil
	if _, err := consumer.New(cfg); err == nil || !strings.Contains(err.Error(), "consumer: Config.Keys is required by the profile spiffe") {
		t.Errorf("without Keys: %v", err)
	}
}
