package consumer

import (
	"errors"
	"fmt"
	"strings"

	"github.com/bearerkit/bearerkit/internal/compact"
)

const (
	spiffeScheme     = "spiffe://"
	maxSPIFFEID      = 2048 // bytes (SPIFFE-ID section 2)
	maxTrustDomain   = 255
	trustDomainChars = "abcdefghijklmnopqrstuvwxyz0123456789.-_"
	pathChars        = trustDomainChars + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// validateTrustDomain checks Issuer and Keys if the profile reads the issuer from `sub`.
func (cfg Config) validateTrustDomain() error {
	profile := cfg.Profile.rules()
	if !profile.TrustDomain {
		return nil
	}
	var faults []error
	domain, ok := strings.CutPrefix(cfg.Issuer, spiffeScheme)
	if !ok || !isTrustDomain(domain) {
		faults = append(faults, fmt.Errorf(
			"consumer: Config.Issuer is %q, expected a trust domain such as spiffe://example.org (Config.Profile %s)", cfg.Issuer, profile.Name))
	}
	if cfg.Keys == nil {
		faults = append(faults, errors.New("consumer: Config.Keys is required by the profile "+profile.Name+", because a trust domain has no metadata (Config.Profile)"))
	}
	return errors.Join(faults...)
}

// checkTrustDomain checks that `sub` is the SPIFFE ID of a workload in the trust domain Config.Issuer (JWT-SVID section
// 3). The trust domain takes the place of `iss`: the keys are those of this trust domain, so a token can only be verified
// by keys of the trust domain that it names. `iss` is not compared.
func (c *Consumer) checkTrustDomain(claims compact.Object) error {
	if _, there := claims.Get("iss"); there && textOf(claims, "iss") == "" {
		return reject(ReasonIssuer, "iss is not a string")
	}
	if domain, ok := trustDomainOf(textOf(claims, "sub")); !ok || domain != c.cfg.Issuer {
		return newDetail("sub is not a SPIFFE ID of the trust domain ").quote(c.cfg.Issuer).text(" (Config.Issuer)").reject(ReasonIssuer)
	}
	return nil
}

// issuerOf returns the issuer that selects the Consumer of a token: `iss` or, if the token has none, the trust domain in
// `sub`. It returns "" if the token has neither.
func issuerOf(claims compact.Object) string {
	if _, there := claims.Get("iss"); there {
		return textOf(claims, "iss")
	}
	domain, _ := trustDomainOf(textOf(claims, "sub"))
	return domain
}

// trustDomainOf returns the trust domain of the SPIFFE ID of a workload, with the scheme (SPIFFE-ID section 2). ok is false
// if id is not one. The ID of the trust domain itself, which has no path, is not one.
func trustDomainOf(id string) (domain string, ok bool) {
	rest, ok := strings.CutPrefix(id, spiffeScheme)
	if !ok || len(id) > maxSPIFFEID {
		return "", false
	}
	name, path, ok := strings.Cut(rest, "/")
	if !ok || !isTrustDomain(name) {
		return "", false
	}
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "" || segment == "." || segment == ".." || !consistsOf(segment, pathChars) {
			return "", false
		}
	}
	return id[:len(spiffeScheme)+len(name)], true
}

// isTrustDomain reports whether name is the name of a trust domain.
func isTrustDomain(name string) bool {
	return name != "" && len(name) <= maxTrustDomain && consistsOf(name, trustDomainChars)
}

// consistsOf reports whether text has no other characters than those in chars.
func consistsOf(text, chars string) bool {
	return !strings.ContainsFunc(text, func(c rune) bool { return !strings.ContainsRune(chars, c) })
}
