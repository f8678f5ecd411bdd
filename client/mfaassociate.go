package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
)

// MFAAssociation describes the second factor to enroll. Type is required.
type MFAAssociation struct {
	// Type is "otp" or "oob".
	Type string

	// OOBChannel is "sms", "voice", "email" or "auth0" (a push), with Type "oob".
	OOBChannel string

	// PhoneNumber is the number for "sms" and "voice", in the form +491701234567. Email is the address for "email". Empty
	// means the one that the server has stored for the user.
	PhoneNumber, Email string
}

// MFAEnrollment is a second factor that is not confirmed yet. To confirm it, call [Client.MFACompleteOTP],
// [Client.MFACompleteOOB] or [Client.MFAWaitOOB]. It contains secrets, which neither fmt nor slog prints.
type MFAEnrollment struct {
	// Challenge is the challenge with which the factor is confirmed.
	Challenge MFAChallenge

	// Secret and BarcodeURI are for the user's authenticator app: the secret of an "otp", and the content of a QR code.
	// Empty means that they are not needed.
	Secret, BarcodeURI string

	// RecoveryCodes must be shown to the user, once. Nil means that the user already has some.
	RecoveryCodes []string
}

// Format implements [fmt.Formatter]. For every verb, it omits the secrets.
func (e MFAEnrollment) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "client.MFAEnrollment{}")
}

// LogValue implements [slog.LogValuer]. It omits the secrets.
func (e MFAEnrollment) LogValue() slog.Value { return slog.StringValue("client.MFAEnrollment{}") }

// MFAAssociate enrolls a second factor. token is the MFA token of a user who has no second factor yet, or an access token
// for the MFA API with the scope "enroll".
func (c *Client) MFAAssociate(ctx context.Context, token string, o MFAAssociation) (*MFAEnrollment, error) {
	if token == "" || o.Type == "" {
		return nil, errors.New("client: a token and MFAAssociation.Type are required")
	}
	method, err := c.authMethod(ctx, "")
	if err != nil {
		return nil, err
	}
	if method == AuthBasic { // the Authorization header has the token
		method = AuthPost
	}
	to := destination{url: c.mfaURL("associate")}
	form := make(url.Values)
	secret, err := c.authenticateInForm(ctx, method, to, form)
	if err != nil {
		return nil, err
	}
	form.Set("phone_number", o.PhoneNumber)
	form.Set("email", o.Email)
	header := http.Header{
		"Accept": {"application/json"}, "Content-Type": {"application/json"}, "Authorization": {"Bearer " + token},
	}
	resp, err := c.send(ctx, http.MethodPost, to, header, o.encode(form))
	if err != nil {
		return nil, err
	}
	sent := secretsSent(form, header).with(c.cfg.ClientSecret, secret)
	if resp.Status/100 != 2 {
		return nil, c.explainMethod(ctx, to, method, errorOfCall(resp, sent))
	}
	a, err := c.read(ctx, reply{
		name: "association response", rfc: "MFA API of Auth0", statuses: []int{http.StatusOK, http.StatusCreated},
		required: "authenticator_type",
	}, resp, sent)
	if err != nil {
		return nil, err
	}
	e := &MFAEnrollment{Challenge: MFAChallenge{Issuer: c.cfg.Issuer, ClientID: c.cfg.ClientID}}
	e.Challenge.Type, _ = a.OptionalText("authenticator_type")
	e.Challenge.OOBCode, _ = a.OptionalText("oob_code")
	e.Challenge.BindingMethod, _ = a.OptionalText("binding_method")
	e.Secret, _ = a.OptionalText("secret")
	e.BarcodeURI, _ = a.OptionalText("barcode_uri")
	codes, _ := a.Get("recovery_codes")
	e.RecoveryCodes, _ = codes.Strings()
	if e.Challenge.Type != o.Type {
		return nil, a.flawed("association response: authenticator_type is not the requested one")
	}
	return e, nil
}

// encode returns the body of the request. form has the credentials of the client, and the addresses of the user.
func (o MFAAssociation) encode(form url.Values) []byte {
	object := map[string]any{"authenticator_types": []string{o.Type}}
	if o.OOBChannel != "" {
		object["oob_channels"] = []string{o.OOBChannel}
	}
	for name, values := range withoutEmpty(form) {
		object[name] = values[0]
	}
	body, _ := json.Marshal(object) // strings in maps can always be encoded
	return body
}
