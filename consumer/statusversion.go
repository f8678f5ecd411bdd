package consumer

// versioned is the optional method of a [TokenStatus] that says whether its results may have changed. Its argument is Config.Status:
// if a type embeds a TokenStatus and has its own method Active, the embedded Version does not describe the results of that method.
type versioned interface {
	Version(status any) (version uint64, ok bool)
}

// statusVersions notes in a Token at which version Config.Status has reported it as active. A nil statusVersions notes nothing.
// So a deny list in memory adds only a comparison of numbers to a warm request, whatever its size is.
type statusVersions struct {
	status   versioned
	consumer *Consumer // tokens of others are ignored, because their statuses have other versions
}

// setVersions makes c use the versions of Config.Status, if there are any.
func (c *Consumer) setVersions() {
	v, ok := c.cfg.Status.(versioned)
	if !ok {
		return
	}
	if _, ok := v.Version(c.cfg.Status); ok {
		c.versions, c.statuses = &statusVersions{v, c}, nil
	}
}

// of returns a mark for note, and whether t was active at the current version. Call it before Active: if an entry is added
// during that call, the result belongs to an older version.
func (s *statusVersions) of(t *Token) (mark uint64, active bool) {
	if s == nil || t.consumer != s.consumer {
		return 0, false
	}
	version, ok := s.status.Version(s.status)
	if !ok || version+1 == 0 {
		return 0, false
	}
	return version + 1, t.activeAt.Load() == version+1
}

// note records that t was active at the version of mark. Zero is the mark of tokens without a version.
func (s *statusVersions) note(t *Token, mark uint64, active bool) {
	if active && mark != 0 {
		t.activeAt.Store(mark)
	}
}
