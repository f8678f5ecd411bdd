// Package inspect reads what the commands doctor, explain and keys show: tokens that the user pasted, and the keys of an issuer, of a
// URL or of a file. It verifies nothing. Package consumer does that.
package inspect
