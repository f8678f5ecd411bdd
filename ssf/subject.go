package ssf

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/bearerkit/bearerkit/internal/compact"
)

// The formats of subjects that this package reads: those of RFC 9493 section 3.2, and the complex, jwt_id and saml_assertion_id
// formats of SSF sections 3.3 and 3.5.
const (
	formatIssuerSubject = "iss_sub"
	formatOpaque        = "opaque"
	formatEmail         = "email"
	formatPhone         = "phone_number"
	formatAccount       = "account"
	formatDID           = "did"
	formatURI           = "uri"
	formatAliases       = "aliases"
	formatJWT           = "jwt_id"
	formatSAML          = "saml_assertion_id"
	formatComplex       = "complex"
)

const maxMembers = 20 // of a complex subject, and identifiers of aliases

// Subject is the subject of an event, or a part of one.
type Subject struct {
	// Format is the name of the format, such as iss_sub, opaque, email, phone_number, account, did, uri, aliases (RFC 9493
	// section 3.2), jwt_id, saml_assertion_id or complex (SSF section 3).
	Format string

	// Issuer is the issuer that has given the ID, in the formats iss_sub, jwt_id and saml_assertion_id.
	Issuer string

	// ID is the identifier. Its member in JSON is `sub` in the format iss_sub, `id` in opaque, `email` in email, `phone_number` in
	// phone_number, `uri` in account and uri, `url` in did, `jti` in jwt_id, and `assertion_id` in saml_assertion_id. It is empty in
	// all other formats.
	ID string

	// Members are the parts of a complex subject by name: user, session, device, application, tenant, org_unit, group, or
	// another name. Together they describe one subject: the session of the user, or the user in the tenant. Nil in all other
	// formats.
	Members map[string]Subject

	// Aliases are identifiers of the same subject, in the format aliases. Nil in all other formats.
	Aliases []Subject

	raw string // as it was received
}

// IssuerSubject returns the Subject whose identifier at an issuer is subject (RFC 9493 section 3.2.3).
func IssuerSubject(issuer, subject string) Subject {
	return Subject{Format: formatIssuerSubject, Issuer: issuer, ID: subject}
}

// EmailSubject returns the Subject with that email address (RFC 9493 section 3.2.2).
func EmailSubject(address string) Subject { return Subject{Format: formatEmail, ID: address} }

// OpaqueSubject returns the Subject with an identifier that the transmitter and the receiver have agreed on (RFC 9493 section
// 3.2.4).
func OpaqueSubject(id string) Subject { return Subject{Format: formatOpaque, ID: id} }

// ComplexSubject returns the Subject with these parts, such as user and tenant (SSF section 3.3).
func ComplexSubject(members map[string]Subject) Subject {
	return Subject{Format: formatComplex, Members: members}
}

// Decode decodes a subject that was received into v, a pointer as for [encoding/json.Unmarshal]. Use it for the members of other
// formats.
func (s Subject) Decode(v any) error {
	o, err := compact.ParseObject(s.raw, maxDepth)
	if err == nil {
		err = o.Decode(v)
	}
	if err != nil {
		return fmt.Errorf("ssf: %w", err)
	}
	return nil
}

// String returns only the format, because identifiers are personal data.
func (s Subject) String() string { return "ssf.Subject{" + s.Format + "}" }

// GoString returns the same text as String, so that the verb %#v prints no identifiers either.
func (s Subject) GoString() string { return s.String() }

// LogValue implements [slog.LogValuer]. It omits the identifiers.
func (s Subject) LogValue() slog.Value { return slog.StringValue(s.String()) }

// memberOf returns the names of the members with the Issuer and the ID of a format. An issuer of "" means that the format has none.
func memberOf(format string) (issuer, id string) {
	switch format {
	case formatIssuerSubject:
		return "iss", "sub"
	case formatOpaque:
		return "", "id"
	case formatEmail:
		return "", "email"
	case formatPhone:
		return "", "phone_number"
	case formatAccount, formatURI:
		return "", "uri"
	case formatDID:
		return "", "url"
	case formatJWT:
		return "iss", "jti"
	case formatSAML:
		return "issuer", "assertion_id"
	}
	return "", ""
}

// parseSubject reads a subject.
func parseSubject(text string) (Subject, error) {
	o, err := compact.ParseObject(text, maxDepth)
	if err != nil {
		return Subject{}, reject(errorRequest, "the subject is not an object", err)
	}
	return readSubject(o, true)
}

// readSubject reads a subject. Only the outermost one may have parts.
func readSubject(o compact.Object, outer bool) (Subject, error) {
	format, err := formatOf(o)
	if err != nil {
		return Subject{}, err
	}
	s := Subject{Format: format, raw: o.Raw()}
	switch {
	case format == formatComplex && outer:
		return s, s.readMembers(o)
	case format == formatAliases && outer:
		return s, s.readAliases(o)
	case format == formatComplex || format == formatAliases:
		return s, reject(errorRequest, "a part of the subject has the format "+format, nil)
	}
	issuer, id := memberOf(format)
	for member, to := range map[string]*string{issuer: &s.Issuer, id: &s.ID} {
		if member == "" {
			continue
		}
		v, _ := o.Get(member)
		var ok bool
		if *to, ok = v.Text(); !ok || *to == "" {
			return s, reject(errorRequest, fmt.Sprintf("%s of the subject is missing, empty or not a string, and the format %s requires it", member, format), nil)
		}
	}
	return s, nil
}

// formatOf returns the format of a subject. Google's transmitter uses the name subject_type, and hyphens in its values (RISC section
// 3.1).
func formatOf(o compact.Object) (string, error) {
	v, there := o.Get("format")
	if !there {
		v, there = o.Get("subject_type")
	}
	format, ok := v.Text()
	if !there || !ok || format == "" {
		return "", reject(errorRequest, "the subject has no format", nil)
	}
	switch format {
	case "iss-sub", "jwt-id":
		return strings.ReplaceAll(format, "-", "_"), nil
	case "phone":
		return formatPhone, nil
	}
	return format, nil
}

// readMembers reads the parts of a complex subject.
func (s *Subject) readMembers(o compact.Object) error {
	if o.Len() > maxMembers+1 { // one of them is format
		return reject(errorRequest, fmt.Sprintf("the subject has more than %d members", maxMembers), nil)
	}
	s.Members = make(map[string]Subject, o.Len())
	for name, v := range o.All() {
		if name == "format" {
			continue
		}
		part, ok := v.Object()
		if !ok {
			return reject(errorRequest, "a member of the complex subject is not an object", nil)
		}
		member, err := readSubject(part, false)
		if err != nil {
			return err
		}
		s.Members[name] = member
	}
	if len(s.Members) == 0 {
		return reject(errorRequest, "the complex subject has no members", nil)
	}
	return nil
}

// readAliases reads the identifiers of a subject with several ones.
func (s *Subject) readAliases(o compact.Object) error {
	list, _ := o.Get("identifiers")
	for v := range list.Elements() {
		part, ok := v.Object()
		if !ok || len(s.Aliases) == maxMembers {
			return reject(errorRequest, fmt.Sprintf("identifiers of the subject is not a list of at most %d objects", maxMembers), nil)
		}
		alias, err := readSubject(part, false)
		if err != nil {
			return err
		}
		s.Aliases = append(s.Aliases, alias)
	}
	if len(s.Aliases) == 0 {
		return reject(errorRequest, "the subject has no identifiers", nil)
	}
	return nil
}

// MarshalJSON implements [encoding/json.Marshaler]. A subject that was received keeps its text.
func (s Subject) MarshalJSON() ([]byte, error) {
	if s.raw != "" {
		return []byte(s.raw), nil
	}
	members := map[string]any{"format": s.Format}
	issuer, id := memberOf(s.Format)
	switch {
	case s.Format == formatComplex && len(s.Members) > 0:
		for name, member := range s.Members {
			members[name] = member
		}
		members["format"] = formatComplex
	case s.Format == formatAliases && len(s.Aliases) > 0:
		members["identifiers"] = s.Aliases
	case id == "" || s.ID == "" || issuer != "" && s.Issuer == "":
		return nil, errors.New("ssf: the Subject is incomplete, or its format has members that this package does not know")
	default:
		members[id] = s.ID
		if issuer != "" {
			members[issuer] = s.Issuer
		}
	}
	return json.Marshal(members)
}
