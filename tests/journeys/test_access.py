"""Every RPC × every role, walked from the contract: a new RPC is not done before it stands in this table."""

from collections.abc import Iterator

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass

from chassis.contract import list_undeclared
from chassis.identity import Identity, Role, service_identity
from tests.calls import RunningService, person

LETTERS = {
    "A": Role.ADMINISTRATOR,
    "C": Role.COORDINATOR,
    "M": Role.MEMBER,
    "P": Role.PARTNER,
    "E": Role.EXPERT,
    "S": Role.SERVICE,
    "I": Role.INSTALLATION,
}

# Who may call an RPC at all; what they may do to one resource is tested beside each service.
MAY_CALL = {
    "CityService.GetCity": "ACMPES",
    "CityService.ListCities": "ACMPES",
    "CityService.CreateCity": "C",
    "CityService.UpdateCity": "C",
    "CityService.DeleteCity": "C",
    "PartnershipService.GetPartnership": "ACMPS",
    "PartnershipService.ListPartnerships": "ACMPS",
    "PartnershipService.CreatePartnership": "C",
    "PartnershipService.UpdatePartnership": "C",
    "PartnershipService.ApprovePartnership": "C",
    "PartnershipService.SignPartnership": "C",
    "PartnershipService.ActivatePartnership": "C",
    "PartnershipService.SuspendPartnership": "C",
    "PartnershipService.EndPartnership": "C",
    "PartnershipService.DeletePartnership": "C",
    "ExchangeService.GetExchange": "ACMPS",
    "ExchangeService.ListExchanges": "ACMPS",
    "ExchangeService.CreateExchange": "CM",
    "ExchangeService.UpdateExchange": "CM",
    "ExchangeService.DeleteExchange": "CM",
    "VisitService.GetVisit": "ACMPS",
    "VisitService.ListVisits": "ACMP",
    "VisitService.CountVisits": "ACMP",
    "VisitService.CreateVisit": "CM",
    "VisitService.UpdateVisit": "CM",
    "VisitService.AgreeVisit": "CP",
    "VisitService.PlanVisit": "CM",
    "VisitService.ConfirmVisit": "CP",
    "VisitService.StartVisit": "CM",
    "VisitService.ReportVisit": "CM",
    "VisitService.CloseVisit": "C",
    "VisitService.CancelVisit": "CM",
    "VisitService.PostponeVisit": "C",
    "VisitService.DeleteVisit": "CM",
    "DelegateService.GetDelegate": "CMP",
    "DelegateService.ListDelegates": "CMP",
    "DelegateService.CreateDelegate": "CMP",
    "DelegateService.BatchCreateDelegates": "CMP",
    "DelegateService.BatchEditDelegates": "CMP",
    "DelegateService.UpdateDelegate": "CMP",
    "DelegateService.DeleteDelegate": "CMP",
    "AgendaItemService.GetAgendaItem": "ACMP",
    "AgendaItemService.ListAgendaItems": "ACMP",
    "AgendaItemService.CreateAgendaItem": "CM",
    "AgendaItemService.BatchCreateAgendaItems": "CM",
    "AgendaItemService.UpdateAgendaItem": "CM",
    "AgendaItemService.BatchUpdateAgendaItems": "CM",
    "AgendaItemService.BatchEditAgendaItems": "CM",
    "AgendaItemService.DeleteAgendaItem": "CM",
    "ProgrammeService.GetProgramme": "ACMP",
    "ProgrammeService.CopyProgramme": "CM",
    "DateOptionService.ListDateOptions": "ACMP",
    "DateOptionService.CreateDateOption": "CM",
    "DateOptionService.DeleteDateOption": "CM",
    "DateOptionService.AnswerDateOption": "CMP",
    "DateOptionService.ChooseDateOption": "CM",
    "ProgrammeTemplateService.GetProgrammeTemplate": "CM",
    "ProgrammeTemplateService.ListProgrammeTemplates": "CM",
    "ProgrammeTemplateService.CreateProgrammeTemplate": "C",
    "ProgrammeTemplateService.UpdateProgrammeTemplate": "C",
    "ProgrammeTemplateService.DeleteProgrammeTemplate": "C",
    "VenueService.GetVenue": "ACM",
    "VenueService.ListVenues": "ACM",
    "VenueService.CreateVenue": "C",
    "VenueService.UpdateVenue": "C",
    "VenueService.DeleteVenue": "C",
    "VenueService.ListWays": "ACM",
    "RoomService.GetRoom": "ACM",
    "RoomService.ListRooms": "ACM",
    "RoomService.CreateRoom": "C",
    "RoomService.UpdateRoom": "C",
    "RoomService.DeleteRoom": "C",
    "PersonService.GetPerson": "CM",
    "PersonService.ListPeople": "CM",
    "PersonService.CreatePerson": "C",
    "PersonService.UpdatePerson": "C",
    "PersonService.DeletePerson": "C",
    "ExchangeNameService.SearchExchangeNames": "ACMPE",
    "CalendarService.ParseCalendar": "ACM",
    "CalendarService.ProposeDates": "CM",
    "CalendarService.ListHolidays": "ACMPES",
    "CalendarService.ListOccupancies": "ACM",
    "CalendarService.ListBookings": "ACMP",
    "PersonCalendarService.GetCalendar": "CM",
    "PersonCalendarService.ListCalendars": "CM",
    "PersonCalendarService.CreateCalendar": "CM",
    "PersonCalendarService.UpdateCalendar": "CM",
    "PersonCalendarService.DeleteCalendar": "CM",
    "PersonCalendarService.RefreshCalendar": "CM",
    "PersonCalendarService.ListBusySpans": "CM",
    "SchedulingService.ScheduleProgramme": "ACM",
    "VisitLessonService.ListVisitLessons": "CM",
    "VisitLessonService.DecideVisitLesson": "CM",
    "ScheduleRunService.GetScheduleRun": "CM",
    "ScheduleRunService.ListScheduleRuns": "CM",
    "ScheduleRunService.CreateScheduleRun": "CM",
    "ScheduleRunService.CancelScheduleRun": "CM",
    "ScheduleRunService.ApplyScheduleRun": "CM",
    "ForumService.GetForum": "ACME",
    "ForumService.ListForums": "ACME",
    "ForumService.CreateForum": "C",
    "ForumService.UpdateForum": "C",
    "SubjectNodeService.GetSubjectNode": "ACME",
    "SubjectNodeService.ListSubjectNodes": "ACME",
    "SubjectNodeService.CreateSubjectNode": "C",
    "SubjectNodeService.UpdateSubjectNode": "C",
    "SubjectNodeService.DeleteSubjectNode": "C",
    "PanelistService.GetPanelist": "ACME",
    "PanelistService.ListPanelists": "ACME",
    "PanelistService.CreatePanelist": "C",
    "PanelistService.UpdatePanelist": "CE",
    "PanelistService.DeletePanelist": "C",
    "PanelistService.AcceptPanelist": "CE",
    "PanelistService.DeclinePanelist": "CE",
    "PanelistService.WithdrawPanelist": "CE",
    "PanelistService.CheckEligibility": "C",
    "PanelistService.ListEligibilityChecks": "AC",
    "WorkingGroupService.GetWorkingGroup": "ACME",
    "WorkingGroupService.ListWorkingGroups": "ACME",
    "WorkingGroupService.CreateWorkingGroup": "C",
    "WorkingGroupService.UpdateWorkingGroup": "C",
    "WorkingGroupService.DeleteWorkingGroup": "C",
    "ConclusionService.GetConclusion": "ACME",
    "ConclusionService.ListConclusions": "ACME",
    "ConclusionService.CreateConclusion": "CE",
    "ConclusionService.UpdateConclusion": "CE",
    "ConclusionService.DeleteConclusion": "C",
    "ConclusionService.AdoptConclusion": "C",
    "RecommendationService.GetRecommendation": "ACME",
    "RecommendationService.ListRecommendations": "ACME",
    "RecommendationService.CreateRecommendation": "CE",
    "RecommendationService.UpdateRecommendation": "CME",
    "RecommendationService.DeleteRecommendation": "C",
    "RecommendationService.AnswerRecommendation": "CM",
    "RecommendationService.PlanRecommendation": "CM",
    "RecommendationService.StartRecommendation": "CM",
    "RecommendationService.ImplementRecommendation": "CM",
    "RecommendationService.VerifyRecommendation": "C",
    "RecommendationService.ReturnRecommendation": "CM",
    "RecommendationService.CorrectRecommendation": "CM",
    "ForumNameService.SearchForumNames": "ACME",
    "LearningService.GetLearning": "ACMPS",
    "LearningService.ListLearnings": "ACMPS",
    "LearningService.SearchLearnings": "ACMPS",
    "LearningService.ListSimilarLearnings": "ACMPS",
    "LearningService.GetSearchStatus": "ACS",
    "LearningService.CreateLearning": "CMP",
    "LearningService.UpdateLearning": "CMP",
    "LearningService.AnalyzeLearning": "CM",
    "LearningService.IdentifyLearning": "CM",
    "LearningService.ImplementLearning": "CM",
    "LearningService.ValidateLearning": "C",
    "LearningService.EmbedLearning": "CM",
    "LearningService.RejectLearning": "CM",
    "LearningService.SupersedeLearning": "CM",
    "LearningService.DeleteLearning": "C",
    "ApplicationService.GetApplication": "ACMPS",
    "ApplicationService.ListApplications": "ACMPS",
    "ApplicationService.CreateApplication": "CM",
    "ApplicationService.DeleteApplication": "CM",
    "InstallationService.GetInstallation": "A",
    "InstallationService.ListInstallations": "A",
    "InstallationService.CreateInstallation": "A",
    "InstallationService.RevokeInstallation": "A",
    "InstallationService.PublishLearnings": "I",
    "PublishingService.GetPublishingStatus": "AC",
    "IndexService.StreamSnapshot": "S",
    "TopicService.GetTopic": "ACMPS",
    "TopicService.ListTopics": "ACMPS",
}


@pytest.fixture(params=["exchange", "forum", "knowledge"])
def service(request: pytest.FixtureRequest) -> RunningService:
    """Each service in turn."""
    running: RunningService = request.getfixturevalue(request.param)
    return running


def rpcs(service: RunningService) -> Iterator[tuple[str, MethodDescriptor]]:
    for contract in service.contract:
        for method in contract.methods:
            yield f"{contract.name}.{method.name}", method


async def code_of(service: RunningService, method: MethodDescriptor, caller: Identity | None) -> grpc.StatusCode:
    """Call an RPC with an empty request and return the code of the answer."""
    by = service.as_identity(caller) if caller else service.without_identity()
    try:
        await getattr(by, method.name)(GetMessageClass(method.input_type)())
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


def an_identity(role: Role) -> Identity:
    return service_identity("forum") if role is Role.SERVICE else person(role, city="cities/swansea")


def test_every_rpc_declares_who_may_call_it(service: RunningService) -> None:
    names = [name for name, _ in rpcs(service)]
    assert [name for name in names if name not in MAY_CALL] == []
    assert [line for contract in service.contract for line in list_undeclared(contract)] == []


async def test_without_an_identity_every_rpc_is_unauthenticated(service: RunningService) -> None:
    codes = {name: await code_of(service, method, None) for name, method in rpcs(service)}
    assert {name: code for name, code in codes.items() if code is not grpc.StatusCode.UNAUTHENTICATED} == {}


@pytest.mark.parametrize("letter", LETTERS)
async def test_a_role_may_call_what_the_table_says_and_nothing_else(service: RunningService, letter: str) -> None:
    refused = (grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED)
    wrong = {}
    for name, method in rpcs(service):
        code = await code_of(service, method, an_identity(LETTERS[letter]))
        if (code not in refused) is not (letter in MAY_CALL[name]) or code is grpc.StatusCode.INTERNAL:
            wrong[name] = code
    assert wrong == {}
