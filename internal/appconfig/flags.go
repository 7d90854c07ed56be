package appconfig

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// stamp checks a document of feature flags as AppConfig does, and adds its dates: what it says differs from what it was given.
func stamp(text []byte, at int) ([]byte, error) {
	var doc struct {
		Version string                    `json:"version"`
		Flags   map[string]map[string]any `json:"flags"`
		Values  map[string]map[string]any `json:"values"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	if doc.Version != "1" {
		return nil, errors.New("the version is not 1")
	}
	for name, value := range doc.Values {
		flag, ok := doc.Flags[name]
		if !ok {
			return nil, fmt.Errorf("%s is not declared", name)
		}
		if err := check(flag, value); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		value["_updatedAt"] = fmt.Sprintf("2026-11-21T10:00:%02dZ", at%60)
	}
	return json.Marshal(doc)
}

// check refuses attributes that are not declared, variants without a name or twice, and a default that is not last.
func check(flag, value map[string]any) error {
	declared, _ := flag["attributes"].(map[string]any)
	list, ok := value["_variants"].([]any)
	if !ok {
		return attributes(declared, value, []string{"enabled", "_createdAt", "_updatedAt"})
	}
	if err := attributes(nil, value, []string{"_variants", "_createdAt", "_updatedAt"}); err != nil {
		return err
	}
	names := map[any]bool{}
	for i, v := range list {
		v, _ := v.(map[string]any)
		rule, _ := v["rule"].(string)
		_, isBool := v["enabled"].(bool)
		if name, _ := v["name"].(string); name == "" || len(name) > 64 || names[name] || !isBool {
			return fmt.Errorf("variant %d", i)
		}
		names[v["name"]] = true
		if (rule == "") != (i == len(list)-1) {
			return errors.New("the default variant is the last one, and has no rule")
		}
		values, _ := v["attributeValues"].(map[string]any)
		if err := attributes(declared, values, nil); err != nil {
			return err
		}
	}
	return nil
}

func attributes(declared, values map[string]any, beside []string) error {
	for name := range values {
		if _, ok := declared[name]; !ok && !slices.Contains(beside, name) {
			return fmt.Errorf("attribute %s is not declared", name)
		}
	}
	return nil
}
