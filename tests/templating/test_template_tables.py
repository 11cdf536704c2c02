"""Tables of pandas and arrays of numpy are plain data: records, columns and lists."""

import json
import subprocess
import sys

import pytest

from graphbit_nb.errors import TemplateError
from graphbit_nb.templating import Template, look_up, to_text

pd = pytest.importorskip("pandas")
np = pytest.importorskip("numpy")

CITIES = pd.DataFrame({"city": ["Oslo", "Bern"], "price": [1.5, None], "people": [7, 9]}, index=[10, 20])


def render(source, **values):
    return Template(source).render(values)


@pytest.mark.parametrize(
    ("value", "data"),
    [
        (
            CITIES,
            [{"city": "Oslo", "price": 1.5, "people": 7}, {"city": "Bern", "price": None, "people": 9}],
        ),
        (CITIES.people, [7, 9]),
        (CITIES.price, [1.5, None]),
        (pd.Series([True, None]), [True, None]),
        (pd.Series([1, None], dtype="Int64"), [1, None]),
        (pd.Series(["a", "b"], dtype="category"), ["a", "b"]),
        (pd.Series(pd.to_datetime(["2020-01-01", None])), ["2020-01-01 00:00:00", None]),
        (pd.Series([{"a": [1]}, (2, 3)]), [{"a": [1]}, [2, 3]]),
        (pd.Index(["a", "b"]), ["a", "b"]),
        (CITIES.set_index("city")[["people"]], [{"city": "Oslo", "people": 7}, {"city": "Bern", "people": 9}]),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), [{"a": 1, "a.2": 2}]),
        (pd.DataFrame([[1, 2]], columns=[("a", "x"), 2020]), [{"a.x": 1, "2020": 2}]),
        (pd.DataFrame(), []),
        (pd.DataFrame({"a": []}), []),
        ({"all": CITIES[["people"]], "one": CITIES.people}, {"all": [{"people": 7}, {"people": 9}], "one": [7, 9]}),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.array(["a"]), ["a"]),
    ],
)
def test_tables_are_written_as_json(value, data):
    assert json.loads(to_text(value)) == data
    assert json.loads(render("{{ a | tojson }}", a=value)) == data


@pytest.mark.parametrize(
    ("value", "text"), [(np.int64(4), "4"), (np.float64(0.5), "0.5"), (np.bool_(1), "true"), (np.str_("x"), "x")]
)
def test_numbers_of_numpy_are_written_like_any_other(value, text):
    assert to_text(value) == text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ t.city }}", '["Oslo", "Bern"]'),
        ("{{ t.city[0] }} {{ t['city'][-1] }}", "Oslo Bern"),
        ("{{ t[0].city }} {{ t[-1].people }} {{ t[-2].people }}", "Oslo 9 7"),
        ("{% for row in t %}{{ row.city }}={{ row.people }};{% endfor %}", "Oslo=7;Bern=9;"),
        ("{% for name in t.city %}{{ loop.index }}{{ name }}{% endfor %}", "1Oslo2Bern"),
        ("{% for row in t %}{% if row.price is not none %}{{ row.price }}{% endif %}{% endfor %}", "1.5"),
        ("{{ t | length }} {{ t.city | join(', ') }} {{ t.people | sort | last }}", "2 Oslo, Bern 9"),
        ("{{ t | first }}", '{"city": "Oslo", "price": 1.5, "people": 7}'),
        ("{{ t | join(' ', attribute='city') }}", "Oslo Bern"),
        ("{% if t %}some{% endif %}{% if not none_left %}none{% endif %}", "somenone"),
        ("{% if 'Oslo' in t.city %}in{% endif %}", "in"),
        ("{{ t.price[1] | default('unknown') }}", "unknown"),
    ],
)
def test_templates_read_tables_as_records_and_columns(source, text):
    assert render(source, t=CITIES, none_left=CITIES[:0]) == text


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("{{ t.citi }}", "t: no column 'citi'; did you mean 'city'"),
        ("{{ t[2] }}", "t: no row 2: there are 2"),
        ("{{ t[-3] }}", "t: no row -3: there are 2"),
        ("{{ t.city[2] }}", "t.city: no item 2: there are 2"),
        ("{{ t.city.x }}", "t.city: a Series has no 'x'"),
        ("{{ t.shape }}", "no column 'shape'"),
    ],
)
def test_what_a_table_has_not_is_an_error(source, told):
    with pytest.raises(TemplateError) as raised:
        render(source, t=CITIES)
    assert told in str(raised.value)


def test_an_index_with_a_name_is_a_column():
    assert render("{{ t.city[1] }} {{ t[1].city }}", t=CITIES.set_index("city")) == "Bern Bern"


def test_a_column_that_a_function_reads_is_still_a_column():
    assert isinstance(look_up(CITIES, "people"), pd.Series)


def test_a_loop_over_rows_of_arrays():
    source = "{% for a, b in m %}{{ a }}-{{ b }};{% endfor %}{{ m[1][0] }}"
    assert render(source, m=np.array([[1, 2], [3, 4]])) == "1-2;3-4;3"


def test_a_class_derived_from_a_table_is_a_table():
    class Prices(pd.DataFrame):
        pass

    assert to_text(Prices({"a": [1]})) == '[{"a": 1}]'


def test_pandas_is_not_imported_for_other_values():
    program = "import sys; from graphbit_nb.templating import to_text; to_text([1]); assert 'pandas' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)
