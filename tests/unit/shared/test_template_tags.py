"""What of a template is a tag, what it may say, and where it stands."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import template_expression, template_tags
from shared.domain.template_sample import sample_vars
from shared.domain.template_tags import MOST_BRANCHES, MOST_FAULTS, MOST_TAGS, read_template
from shared.domain.template_tokens import MOST_TOKENS


def faults(source: str) -> tuple[str, ...]:
    return read_template(source).faults


@pytest.mark.parametrize(
    "source",
    [
        "",
        "no tag",
        "{ email } }} %} #} {# no comment #}",
        "<style>@media print{#header{display:none}}</style>",
        "{{ vars.a }}",
        "{{- vars.a -}}",
        "{% if vars.a %}x{% endif %}",
        "{%- if vars.a -%}x{%- elif vars.b -%}y{%- else -%}z{%- endif -%}",
        "{%if vars.a%}x{%endif%}",
        '{% if vars.a == "x" and not vars.b.c != 5 or (email in ["a", \'b\', 1.5, true, none]) %}{% endif %}',
        "{% if vars.a is defined and vars.b is not none %}{% endif %}",
        "{% if vars.a not in vars.b %}{% endif %}",
        "{% for item in vars.items %}{{ item }}{{ item.name }}{{ loop.index }}{% else %}none{% endfor %}",
        "{% for x in vars.a %}{% for y in x.b | first %}{{ y ~ x.c }}{% endfor %}{% endfor %}",
        "{{ vars.a | default(vars.b | default('c')) | upper }}",
        "{{ vars.a | truncate(20) | replace('a', \"b\") | join | join(', ') | round | round(2) }}",
        "{{ 'a' if vars.b else 'c' if vars.d else email }}",
        "{{ 'a' if vars.b }}",
        "{{ list.name | lower }} {{ telephone | urlencode }} {{ vars.größe-2 | int }}",
        "{{ vars.a\n | length }}",
        "{{ unsubscribe_url }}",
    ],
)
def test_what_may_be_said(source: str) -> None:
    assert faults(source) == ()


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("{{ env }}", "'env', which is unknown"),
        ("{{ vars }}", "'vars', which is unknown"),
        ("{{ self }}", "'self', which is unknown"),
        ("{{ loop.index }}", "'loop.index', which is unknown"),
        ("{% for x in vars.a %}{{ loop.cycle }}{% endfor %}", "'loop.cycle', which is unknown"),
        ("{% for x in vars.a %}{% endfor %}{{ x }}", "'x', which is unknown"),
        ("{{ vars['a'] }}", "unknown"),
        ("{{ vars.a['b'] }}", "cannot be understood from ["),
        ("{{ vars.a.b() }}", "cannot be understood from ("),
        ("{{ range(9) }}", "unknown"),
        ("{{ 7 * 7 }}", "something odd at '* 7"),
        ("{{ 7 - 7 }}", "something odd at '- 7"),
        ("{{ [1, 2] }}", "needs a value at ["),
        ("{{ {'a': 1} }}", "something odd"),
        ("{{ vars.a | safe }}", "the filter 'safe', which is unknown"),
        ("{{ vars.a | attr('b') }}", "the filter 'attr', which is unknown"),
        ("{{ vars.a is callable }}", "the test 'callable', which is unknown"),
        ("{{ vars.a | upper(1) }}", "cannot be understood from ("),
        ("{{ vars.a | replace('a') }}", "needs ','"),
        ("{{ vars.a | replace(vars.b, 'a') }}", "needs a string"),
        ("{{ vars.a | truncate(99999) }}", "needs a count"),
        ("{{ vars.a in [vars.b] }}", "needs a constant"),
        ("{{ 'a' 'b' }}", "cannot be understood from 'b'"),
        ("{{ 1__class__ }}", "something odd"),
        ("{{ }}", "needs a value at its end"),
        ("{{ and }}", "needs a value at and"),
        ("{{ email", "is not closed"),
        ("{{ email }", "something odd at '}'"),
        ("{{ 'a }}", "something odd"),
        ("{{{ email }}}", "something odd"),
        ("{{ email %}", "cannot be understood from its end"),
        ("{% if email }}x{% endif %}", "cannot be understood from its end"),
        ("{% set a = 1 %}", "is unknown: a tag begins with"),
        ("{% include 'a' %}", "is unknown: a tag begins with"),
        ("{% macro a() %}", "is unknown: a tag begins with"),
        ("{% iffy %}", "is unknown: a tag begins with"),
        ("{% %}", "is unknown: a tag begins with"),
        ("{% if vars.a %}", "is not ended by {% endif %}"),
        ("{% for a in vars.a %}", "is not ended by {% endfor %}"),
        ("{% endif %}", "ends no if"),
        ("{% for a in vars.a %}{% endif %}{% endfor %}", "ends no if"),
        ("{% else %}", "belongs to no condition"),
        ("{% if vars.a %}{% else %}{% elif vars.b %}{% endif %}", "belongs to no condition"),
        ("{% for a in vars.a %}{% elif vars.b %}{% endfor %}", "belongs to no condition"),
        ("{% for vars in vars.a %}{% endfor %}", "cannot call an item 'vars'"),
        ("{% for a.b in vars.a %}{% endfor %}", "needs a new name"),
        ("{% for a in vars.a %}{% for a in vars.b %}{% endfor %}{% endfor %}", "needs a new name"),
        ("{% for a of vars.a %}{% endfor %}", "needs 'in' at of"),
        ("{% if unsubscribe_url %}{% endif %}", "unsubscribe_url, which stands alone"),
        ("{{ unsubscribe_url | upper }}", "unsubscribe_url, which stands alone"),
        ("{{ " + "vars.a ~ " * MOST_TOKENS + "'' }}", "is longer than"),
        ("{{ " + "(" * 11 + "1" + ")" * 11 + " }}", "brackets within each other"),
        ("{% if " + "not " * 11 + "vars.a %}{% endif %}", "brackets within each other"),
        ("{% if vars.a %}" * 21 + "{% endif %}" * 21, "stands in more than 20"),
        ("{% if vars.a %}" + "{% elif vars.b %}" * (MOST_BRANCHES + 1) + "{% endif %}", "at most 50 branches"),
        ("{{ email }}" * (MOST_TAGS + 1), "at most 5000 tags"),
    ],
)
def test_what_may_not_be_said(source: str, why: str) -> None:
    assert why in faults(source)[0]


def test_a_fault_names_its_line_and_the_tag() -> None:
    (fault,) = faults("one\ntwo {{ email }}\n\n  {{ nobody }} {{ email }}")

    assert fault == (
        "line 4: '{{ nobody }}' uses 'nobody', which is unknown: "
        "there are vars.<name>, email, telephone, list.name and unsubscribe_url"
    )


def test_all_faults_are_found_at_once_and_the_rest_is_read() -> None:
    template = read_template("{{ a }} {{ email }} {{ b }} {{ vars.x | c }} {{ vars.y }} {{ open")

    assert [tag.placeholder.name for tag in template.tags if tag.placeholder] == [("email",), ("vars", "y")]
    assert len(template.faults) == 4


def test_a_flood_of_faults_is_cut_short() -> None:
    assert len(faults("{{ a }}" * 1000)) == MOST_FAULTS
    assert len(faults("{% if vars.a %}" * 1000)) == MOST_FAULTS


def test_tags_know_where_they_stand() -> None:
    source = (
        "{{ email }}{% if vars.a %}{{ unsubscribe_url }}{% for x in vars.b %}{{ x }}{% endfor %}{% endif %}{{ email }}"
    )
    tags = read_template(source).tags

    assert [(source[tag.start : tag.end], tag.prints, tag.depth) for tag in tags] == [
        ("{{ email }}", True, 0),
        ("{% if vars.a %}", False, 1),
        ("{{ unsubscribe_url }}", True, 1),
        ("{% for x in vars.b %}", False, 2),
        ("{{ x }}", True, 2),
        ("{% endfor %}", False, 1),
        ("{% endif %}", False, 0),
        ("{{ email }}", True, 0),
    ]
    assert not any(tag.always_unsubscribes for tag in tags)
    assert read_template("{{ unsubscribe_url }}").tags[0].always_unsubscribes


def test_placeholders_alone_are_simple() -> None:
    assert read_template('a {{ vars.b | default("c") }} {{ email }}').simple
    assert not read_template("{{ email | upper }}").simple
    assert not read_template("{% if email %}{% endif %}").simple


#: What the engine may be told: our own names, filters and operators, constants, and nothing that calls or reaches.
WRITTEN = re.compile(
    r"""(?:if|elif|else|endif|for|endfor|in|is|not|and|or|vars|email|telephone|list|item[0-9]+|loop
        |true|false|none|defined|odd|even|[0-9.]+|==|[\s~|(),\[\]=]|"(?:[^"\\]|\\.)*"
        |(?:text|texts|items|holder|size|decimal|whole|rounded|equals|among|below|up_to)\b
        |(?:default|upper|lower|capitalize|title|trim|truncate|replace|urlencode|first|last|join)\b
        |loop\.(?:index0?|first|last|length)|length)*""",
    re.VERBOSE,
)
WORDS = [
    *(
        "{{ ",
        " }}",
        "{% ",
        " %}",
        "if ",
        "elif ",
        "else",
        "endif",
        "for ",
        "endfor",
        "x in ",
        "x",
        "x.y",
        "vars",
        "vars.a",
    ),
    *(
        " and ",
        " or ",
        " not ",
        " is ",
        "in",
        "==",
        "<",
        "(",
        ")",
        "[",
        "]",
        "|",
        "~",
        ".",
        ",",
        "-",
        "*",
        "'",
        '"',
        "\\",
    ),
    *(
        "email",
        "default",
        "upper",
        "safe",
        "__class__",
        "loop.index",
        "loop",
        "self",
        "0",
        "1.5",
        "'a'",
        '"b"',
        "\n",
        "\x00",
    ),
    *("list.name", "unsubscribe_url", "range(9)", "defined", "true", "{", "}", "%", "#", "ü"),
]


@given(st.lists(st.sampled_from(WORDS), max_size=40).map("".join) | st.text())
def test_whatever_is_written_the_engine_is_told_our_own_words_alone(source: str) -> None:
    """And nothing is a surprise: each text is read, with its faults."""
    for tag in read_template(source).tags:
        inside = tag.code[2:-2].strip("- ") if tag.code else ""

        assert "\x00" not in tag.code
        assert WRITTEN.fullmatch(inside), inside


def test_every_filter_is_listed_where_it_is_unknown() -> None:
    assert ", ".join(sorted(template_expression._FILTERS)) in faults("{{ vars.a | x }}")[0]
    assert ", ".join(template_tags._STATEMENTS) in faults("{% x %}")[0]


def test_a_sample_has_whatever_is_asked_for() -> None:
    templates = [
        read_template("{{ vars.name }}{{ email }}{% if vars.a.b == 'x' %}{{ vars.a.c | upper }}{% endif %}"),
        read_template(
            "{% for item in vars.items %}{{ item.name }}{% for tag in item.tags %}{{ tag }}{% endfor %}{% endfor %}"
            "{% for word in vars.words | last %}{{ word.x }}{% endfor %}{{ vars.tags | join }}"
        ),
    ]
    item = {"name": "[name]", "tags": ["[tags]", "[tags]"]}

    assert sample_vars(templates) == {
        "name": "[name]",
        "a": {"b": "[b]", "c": "[c]"},
        "items": [item, item],
        "words": "[words]",
        "tags": "[tags]",
    }


@pytest.mark.parametrize("source", ["{{ vars.a | }}", "{{ vars.a is }}"])
def test_a_tag_that_stops_where_a_word_is_needed_ends_too_early(source: str) -> None:
    assert ["ends too early" in fault for fault in faults(source)] == [True]
