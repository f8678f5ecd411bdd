package doctor

import (
	"net/url"
	"strings"
)

// The well-known paths of RFC 8414 section 3 and of OpenID Connect Discovery 1.0 section 4.
func wellKnownPaths() [2]string {
	return [2]string{"/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"}
}

// formFaults says what is wrong with the form of an issuer, and returns an issuer without these faults. An issuer is an https URL
// without query and fragment (RFC 8414 section 2).
func formFaults(raw string) (faults []string, repaired string) {
	repaired = raw
	fix := func(fault, better string) {
		if better != repaired {
			faults = append(faults, fault)
			repaired = better
		}
	}
	fix("it has white space around it", strings.TrimSpace(repaired))
	fix("it is in quotation marks", strings.Trim(repaired, `"'`))
	if !strings.Contains(repaired, "://") && repaired != "" {
		fix("it has no scheme", "https://"+repaired)
	}
	fix("it is the URL of a metadata document", withoutWellKnown(repaired))
	u, err := url.Parse(repaired)
	if err != nil || u.Host == "" {
		return append(faults, "it is not a URL with a host"), ""
	}
	if u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.User != nil {
		u.RawQuery, u.ForceQuery, u.Fragment, u.RawFragment, u.User = "", false, "", "", nil
		fix("it has a query, a fragment or a user name", u.String())
	}
	return faults, repaired
}

// withoutWellKnown returns the issuer of a metadata URL, and any other URL unchanged.
func withoutWellKnown(raw string) string {
	for _, path := range wellKnownPaths() {
		if before, after, found := strings.Cut(raw, path); found {
			return before + after
		}
	}
	return raw
}

// otherForms returns forms of an issuer that people confuse with it.
func otherForms(issuer string) []string {
	var forms []string
	if rest, ok := strings.CutPrefix(issuer, "http://"); ok {
		forms = append(forms, "https://"+rest)
	}
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" {
		return forms
	}
	if lower := strings.ToLower(u.Scheme) + "://" + strings.ToLower(u.Host) + u.EscapedPath(); lower != issuer {
		forms = append(forms, lower)
	}
	if port := u.Port(); port == "443" && u.Scheme == "https" || port == "80" && u.Scheme == "http" {
		forms = append(forms, strings.Replace(issuer, u.Host, u.Hostname(), 1))
	}
	return forms
}
