package fetch

import (
	"net/netip"
	"net/url"
	"strings"
)

// CheckURL returns nil if raw is a URL to fetch from: absolute, https, with a host, without user info and fragment.
// With http instead of https it is one only if the host is a loopback address (127.0.0.0/8, ::1) or localhost, or if
// allowHTTP is set. The error is a *[URLError].
func CheckURL(raw string, allowHTTP bool) error {
	_, err := ParseURL(raw, allowHTTP)
	return err
}

// ParseURL returns raw parsed if [CheckURL] has nothing against it.
func ParseURL(raw string, allowHTTP bool) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, &URLError{Problem: "can not be parsed"} // the parser's own words quote the text
	}
	problem := ""
	switch {
	case u.Scheme != "https" && u.Scheme != "http", u.Opaque != "", u.Hostname() == "":
		problem = "is not an absolute https URL"
	case u.User != nil:
		problem = "has user info"
	case strings.Contains(raw, "#"): // url.Parse forgets an empty fragment
		problem = "has a fragment"
	case u.Scheme == "http" && !allowHTTP && !loopback(u.Hostname()):
		problem = "is not https"
	default:
		return u, nil
	}
	return nil, &URLError{URL: display(u), Problem: problem}
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// display is u as it may stand in a log: user info and query can hold secrets.
func display(u *url.URL) string {
	if u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host + u.EscapedPath()
}

func locationOf(base *url.URL, location string) string {
	u, err := base.Parse(location)
	if err != nil {
		return ""
	}
	return display(u)
}
