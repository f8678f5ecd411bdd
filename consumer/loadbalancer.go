package consumer

import (
	"github.com/bearerkit/bearerkit/internal/compact"
)

// A token of an Application Load Balancer has the claims of the user in its payload. The facts about the token itself are in
// its header, which the signature covers, too: signer (the load balancer), client, iss and exp. The payload may repeat iss
// and exp.

// acceptsPadding reports whether the segments of a token may end with padding. c may be nil.
func (c *Consumer) acceptsPadding() bool { return c != nil && c.rules.LoadBalancer }

// splitToken splits raw into its segments. If padded is true, it removes their padding.
func splitToken(raw string, padded bool) (compact.Parts, error) {
	parts, err := compact.Split(raw)
	if err == nil && padded {
		var ok bool
		if parts, ok = parts.WithoutPadding(); !ok {
			err = compact.ErrEncoding
		}
	}
	if err != nil {
		return compact.Parts{}, malformed(err)
	}
	return parts, nil
}

// checkLoadBalancerIssuer checks `iss` in the header and in the payload. At least one of them must be present.
func (c *Consumer) checkLoadBalancerIssuer(p *parsed) error {
	found := false
	for _, o := range [...]compact.Object{p.header.members, p.claims} {
		if _, there := o.Get("iss"); !there {
			continue
		}
		if iss := textOf(o, "iss"); iss != c.cfg.Issuer {
			return issuerError(iss, c.cfg.Issuer)
		}
		found = true
	}
	if !found {
		return issuerError("", c.cfg.Issuer)
	}
	return nil
}

// readLoadBalancer reads the facts in the header. The signer becomes the audience: the load balancer signs tokens for the
// targets behind it only. If both the header and the payload have exp, the earlier one counts.
func (c *claimReader) readLoadBalancer(t *Token, header compact.Object) {
	h := claimReader{Object: header}
	t.audience = []string{textOf(header, "signer")}
	t.clientID = textOf(header, "client")
	if t.clientID == "" {
		c.fail("client in the header", "is missing or not a string (Config.Profile "+c.profile+")")
	}
	if v, there := header.Get("exp"); there {
		if expiry := h.expiry(v); t.expiry.IsZero() || expiry.Before(t.expiry) {
			t.expiry = expiry
		}
	}
	if h.fault != nil && c.fault == nil {
		c.fault = h.fault
	}
}

// signerError says that the load balancer that signed t is not one of Config.Audience.
func (c *Consumer) signerError(t *Token) error {
	return newDetail("signer ").quote(t.audience[0]).text(" in the header is not one of ").quoteAll(c.cfg.Audience).
		text(" (Config.Audience)").hint(similar(t.audience, c.cfg.Audience)).reject(ReasonAudience)
}
