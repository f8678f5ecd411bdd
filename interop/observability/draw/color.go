package main

import (
	"regexp"
	"strings"

	"github.com/bearerkit/bearerkit/interop/observability"
)

// colorOf returns the color that the panel defines for the series, or the next color of the palette.
func colorOf(panel observability.Panel, name string, number int) string {
	for _, override := range panel.FieldConfig.Overrides {
		if !regexp.MustCompile(strings.Trim(override.Matcher.Options, "/")).MatchString(name) {
			continue
		}
		for _, property := range override.Properties {
			if property.ID == "color" {
				return named(property.Value.FixedColor)
			}
		}
	}
	palette := []string{
		"#4e79a7", "#f28e2b", "#59a14f", "#b07aa1", "#76b7b2", "#e15759", "#9c755f", "#d4a81e", "#d37295", "#5f6b7a",
		"#1b5e9b", "#8a3ffc", "#007d5a", "#a3141f",
	}
	return palette[number%len(palette)]
}

// named converts the color names that the dashboard uses.
func named(color string) string {
	switch color {
	case "green":
		return "#3f8f4f"
	case "light-green":
		return "#a5cf9e"
	case "yellow":
		return "#e3b505"
	case "orange":
		return "#e58a2c"
	case "red":
		return "#c4313f"
	case "purple":
		return "#8455a8"
	}
	return "#4e79a7"
}

// thresholdColor returns the color of the last threshold that is at most value.
func thresholdColor(panel observability.Panel, value float64) string {
	color := ""
	for _, step := range panel.FieldConfig.Defaults.Thresholds.Steps {
		if step.Value == nil || value >= *step.Value {
			color = step.Color
		}
	}
	return named(color)
}
