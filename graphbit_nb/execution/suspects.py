"""What makes a function's value depend on more than what it is given: the clock, files, the network, chance."""

from __future__ import annotations

CLOCK, FILES, NETWORK, CHANCE = "the clock", "files", "the network", "random numbers"
ENVIRONMENT, PROGRAMS, PERSON, ANYTHING = (
    "its environment",
    "other programs",
    "a person's input",
    "code that it is given",
)
MODELS = "a model itself"

_BY_REASON: dict[str, str] = {
    CLOCK: """
        time datetime.datetime.now datetime.datetime.utcnow datetime.datetime.today datetime.date.today
        pandas.Timestamp.now pandas.Timestamp.today pandas.Timestamp.utcnow
    """,
    FILES: """
        io.open io.FileIO builtins.open codecs.open os shutil tempfile glob fileinput linecache mmap pathlib.Path.cwd
        pathlib.Path.home sqlite3 dbm shelve zipfile tarfile gzip bz2 lzma importlib.resources pkgutil.get_data
        numpy.load numpy.loadtxt numpy.genfromtxt numpy.fromfile numpy.save numpy.savez numpy.savetxt numpy.memmap
        joblib.load joblib.dump PIL.Image.open matplotlib.pyplot.savefig imageio cv2.imread cv2.imwrite
        sqlalchemy psycopg psycopg2 duckdb pymongo redis pyarrow.parquet h5py
    """,
    NETWORK: """
        socket ssl select urllib.request http.client http.server ftplib smtplib imaplib poplib telnetlib xmlrpc
        webbrowser requests httpx aiohttp urllib3 websocket websockets grpc paramiko boto3 botocore google.cloud
        asyncio.open_connection huggingface_hub datasets.load_dataset bs4.urllib yfinance feedparser
    """,
    CHANCE: "random secrets uuid.uuid1 uuid.uuid4 numpy.random torch.rand torch.randn torch.randint torch.randperm",
    ENVIRONMENT: """
        os.environ os._Environ os.getenv os.getcwd os.getpid sys.argv sys.stdin platform getpass locale dotenv
    """,
    PROGRAMS: "subprocess multiprocessing pty os.system os.popen asyncio.create_subprocess_exec sh",
    PERSON: "builtins.input builtins.breakpoint",
    ANYTHING: """
        builtins.eval builtins.exec builtins.compile builtins.globals builtins.locals builtins.vars
        builtins.__import__ importlib.import_module importlib.reload runpy
    """,
    MODELS: """
        openai anthropic ollama litellm google.genai google.generativeai mistralai cohere groq together langchain
        langchain_core langchain_openai langgraph llama_index dspy replicate transformers.pipeline graphbit
    """,
}
_PURE = frozenset(
    """
    os.path.join os.path.basename os.path.dirname os.path.split os.path.splitext os.path.normpath os.path.commonprefix
    os.path.isabs os.sep os.linesep os.fspath os.PathLike os.path random.Random time.struct_time time.strftime
    time.strptime time.gmtime time.sleep
    """.split()  # noqa: SIM905
)
_METHODS: dict[str, str] = {
    **dict.fromkeys(
        """
        open read_text read_bytes write_text write_bytes exists glob stat iterdir rglob is_file is_dir unlink mkdir
        rmdir touch expanduser
        to_csv to_parquet to_excel to_pickle to_feather to_sql to_hdf savefig imsave tofile
        """.split(),  # noqa: SIM905
        FILES,
    ),
    **dict.fromkeys(("utcnow", "today"), CLOCK),
    **dict.fromkeys(("urlopen", "urlretrieve"), NETWORK),
}
_READERS = ("pandas", "polars", "geopandas", "dask", "modin")

_REASONS = {name: reason for reason, names in _BY_REASON.items() for name in names.split()}


def suspicion(name: str) -> str | None:
    """Return what is read by the thing of that name, such as ``"the clock"`` for ``"time.time"``, or None."""
    if name in _PURE:
        return None
    top, _, last = name.partition(".")[0], *name.rpartition(".")[1:]
    if top in _READERS and last.startswith(("read_", "scan_")):
        return FILES
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        if (reason := _REASONS.get(".".join(parts[:count]))) is not None:
            return reason
    return None


def suspicion_of_method(name: str) -> str | None:
    """Return what a method of that name reads whatever it is a method of, or None."""
    return _METHODS.get(name)
